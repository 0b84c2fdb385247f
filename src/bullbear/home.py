"""A home: the folder in which everything bullbear reads and writes lives, and where definitions are found.

A definition in the home's own `features/` or `models/` wins over the packaged one of the same name.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from bullbear import sessions, shipped
from bullbear.data.store import Store
from bullbear.definition_files import DefinitionFiles
from bullbear.definitions import FeatureSet, ModelDefinition, PolicyFile, PolicyTable, Source, is_name, read, validate
from bullbear.definitions.models import Subject
from bullbear.definitions.pairs import PlacedPair
from bullbear.errors import DefinitionError, Found, InputError
from bullbear.files import FileLock
from bullbear.user_code import use_home

# What reads models and policies, most of the library, is imported where it is used: `group` does without.
if TYPE_CHECKING:
    from bullbear.decide.rule import Rule
    from bullbear.model import Model

USUAL = Subject().ticker
"""The fund that definitions are about where nothing else is said."""

EXPERIMENT = "bullbear"
PAIRS = "pairs"
"""The folder of a home in which each pair has its own."""
POLICY_FILES = "models/policies"
"""Where the policies are that a model may name."""


@dataclass(frozen=True)
class Home(DefinitionFiles):
    """The folders of a home; none need exist before something is written.

    Making one, and reading a model, puts the kinds and factors of its Python files in the place of any other home's.

    On a `pair`, models and policies are about that pair. Its runs, champions, ledger and reports have a folder of their
    own, `pairs/NAME/`; the store and the definitions are those of the home.
    """

    pair: PlacedPair | None = None

    def __post_init__(self) -> None:
        use_home(self.root)

    @property
    def ticker(self) -> str:
        """The fund that everything is about."""
        return USUAL if self.pair is None else self.pair.pair.bull

    @property
    def data(self) -> Path:
        """The store."""
        return self.root / "data"

    @property
    def written(self) -> Path:
        """Where everything but the store is written."""
        return self.root if self.pair is None else self.root / PAIRS / self.pair.pair.name

    @property
    def evaluations(self) -> Path:
        """Evaluations that were computed before; may be deleted at any time."""
        return self.runs / "evaluations"

    @property
    def runs(self) -> Path:
        """MLflow's store."""
        return self.written / "mlruns"

    @property
    def forecasts(self) -> Path:
        """The ledger and the champion."""
        return self.written / "forecasts"

    @property
    def champion(self) -> Path:
        """The bundle of the champion of the question `up`, from which the daily forecast is served."""
        return self.champion_of("up")

    def champion_of(self, question: str) -> Path:
        """The bundle of a question's champion.

        Raises
        ------
        InputError
            No question can have this name: what looks like a path would lead out of the folder of champions.
        """
        if not is_name(question):
            allowed = "small letters, digits and _, a letter first, such as dip8"
            raise InputError("question", question, allowed, "name a question of models/questions.toml")
        return self.forecasts / "champions" / question

    def has_champion(self, question: str) -> bool:
        """Whether something stands in the place of a question's champion, usable or not."""
        return is_name(question) and os.path.lexists(self.champion_of(question))

    @contextmanager
    def champion_lock(self) -> Iterator[None]:
        """Held by whoever replaces a champion's bundle."""
        with FileLock(self.forecasts / ".champion.lock"):
            yield

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """An empty folder for a bundle that is to become a champion's, removed at the end.

        Folders of processes that were killed go first: nobody holds their lock.
        """
        folder = self.forecasts / f".staged-{uuid4().hex}"
        with self.champion_lock():
            for left in self.forecasts.glob(".staged-*"):
                if FileLock(left / ".lock").is_free():
                    shutil.rmtree(left, ignore_errors=True)
            held = ExitStack()
            held.enter_context(FileLock(folder / ".lock"))
        with held:
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def unfinished(self, model: str) -> Path:
        """Where trainings of `models/MODEL.toml` keep fitted folds until they are logged."""
        return self.runs / ".unfinished" / model

    def journal(self, model: str) -> Path:
        """Where the searches of `models/MODEL.toml` keep their trials."""
        return self.written / "tuning" / f"{model}.journal"

    @property
    def trials(self) -> Path:
        """Records of what was tried and opened, which are only ever appended to."""
        return self.written / "trials"

    @property
    def reports(self) -> Path:
        """Reports."""
        return self.written / "reports"

    def store(self) -> Store:
        """The point-in-time store of this home."""
        return Store(self.data)

    def filled_store(self) -> Store:
        """The store, refused while it is empty."""
        store = self.store()
        if store.is_empty:
            raise InputError(
                f"store {self.data}",
                Found("nothing stored"),
                "a store with data",
                "run `bullbear simulate` or `bullbear ingest DIR` first",
            )
        return store

    def model(self, name: str, *, searched: bool = False) -> Model:
        """`models/NAME.toml` with its feature sets, learner and policy, all checked; `name` may be that path.

        Parameters
        ----------
        searched
            With its `[search]`: a model whose parameters are chosen anew on the past of every period. Without, the
            model has the parameters of its file, as if there were no `[search]`; it is checked all the same.

        Raises
        ------
        DefinitionError
            Anything in any of the files cannot be used; the message names file and line.
        """
        from bullbear.dataset import splitter_of
        from bullbear.factors import load, universe
        from bullbear.learn import CALIBRATORS, members_of, pool_of
        from bullbear.learn.search.space import space_of
        from bullbear.model import Model, Parts
        from bullbear.pairing import definition_on_pair

        use_home(self.root)  # another may have been used since
        name = name.removeprefix("models/").removesuffix(".toml")
        definition, source = read(self.find("models", name), ModelDefinition, context={"questions": self.questions()})
        definition = definition_on_pair(definition, source, self.pair, self.pairs)
        if definition.name != name:
            in_another_case = definition.name == name.lower()
            remedy = f"rename the file to {definition.name}.toml" if in_another_case else "rename one"
            raise DefinitionError(source.where("name"), definition.name, f"the file's name, {name}", remedy)
        members, pool = members_of(definition, source), pool_of(definition, source)
        calibration = CALIBRATORS.read(definition.calibration, source, below=("calibration",))
        paths = self._feature_paths(definition.features, source)
        feature_sets = load(paths)
        ticker = definition.ticker
        if ticker not in (assets := universe(feature_sets, ticker)):
            where = f"{source.where('target', 'ticker')} (target.ticker)"
            allowed = f"one of the feature sets' assets, {', '.join(assets)}"
            raise DefinitionError(where, ticker, allowed, f"add {ticker} to [universe]")
        rule = self._rule_of(definition, source, feature_sets)
        splitter = splitter_of(definition, source)
        for member in members:
            read_by = [each for each in feature_sets if each.name in member.features]
            factors = [spec.name for each in read_by for spec in each.factor]
            inputs = (factors, universe(feature_sets, ticker))
            for number, question in enumerate(definition.questions):
                if wanted := member.learner.refuses_question(question):
                    where = f"{source.where('questions', number)} (questions.{number})"
                    given = f"{question.name}, of the kind {question.kind}"
                    raise DefinitionError(where, given, wanted, "choose another learner for it")
            if refused := member.learner.refuses(splitter.min_train) or member.learner.refuses_inputs(*inputs):
                key, allowed = refused
                place = (*member.place, key)
                where = f"{source.where(*place)} ({'.'.join(map(str, place))})"
                raise DefinitionError(where, getattr(member.learner, key), allowed, "correct the file")
        if definition.search is not None:
            space_of(definition, members, splitter.min_train, source)
        if not searched:
            definition = definition.model_copy(update={"search": None})
        return Model.of(
            definition, source, feature_sets, paths, Parts(members, pool, calibration, splitter, rule)
        )  # fmt: skip

    def rule(
        self, name: str, *, named_at: str, questions: Iterable[str], feature_sets: Sequence[FeatureSet] = ()
    ) -> Rule:
        """`models/policies/NAME.toml` with its kind and feature sets, all checked.

        Parameters
        ----------
        named_at
            What names the policy; a need that is not met is refused there.
        questions, feature_sets
            What is forecast and computed for it besides its own feature sets.

        Raises
        ------
        DefinitionError
            There is no such policy, or something cannot be used; the message names file and line.
        """
        use_home(self.root)
        try:
            path = self.find(POLICY_FILES, name)
        except DefinitionError as bad:
            raise DefinitionError(named_at, name, bad.allowed, bad.remedy) from bad
        file, source = read(path, PolicyFile)
        if file.name != name:
            raise DefinitionError(source.where("name"), file.name, f"the file's name, {name}", "rename one")
        return self._rule(file, source, (), named_at, questions, feature_sets, path)

    def _rule_of(self, definition: ModelDefinition, source: Source, feature_sets: Sequence[FeatureSet]) -> Rule:
        questions = [question.name for question in definition.questions]
        if isinstance(definition.policy, str):
            named_at = f"{source.where('policy')} (policy)"
            return self.rule(definition.policy, named_at=named_at, questions=questions, feature_sets=feature_sets)
        from bullbear.model import HOLD_CASH

        # The rule for positions reads `up`; a model of other questions that names no policy holds none.
        table = definition.policy or ({} if "up" in questions else HOLD_CASH)
        below = ("policy",)
        return self._rule(
            validate(table, PolicyTable, source, below=below), source, below, None, questions, feature_sets
        )  # fmt: skip

    def _rule(
        self,
        policy: PolicyTable,
        source: Source,
        below: tuple[str, ...],
        named_at: str | None,
        questions: Iterable[str],
        feature_sets: Sequence[FeatureSet],
        path: Path | None = None,
    ) -> Rule:
        from bullbear.decide.policy import load_policy
        from bullbear.decide.rule import Rule
        from bullbear.factors import load
        from bullbear.pairing import policy_on_pair

        paths = self._feature_paths(policy.features, source, below)
        own = load(paths)
        loaded = load_policy(
            policy.table,
            source,
            self.instruments(),
            below=below,
            named_at=named_at,
            questions=questions,
            factors=[spec.name for each in (*own, *feature_sets) for spec in each.factor],
            known=self.questions(),
        )
        return Rule(
            loaded if self.pair is None else policy_on_pair(loaded, self.pair, self.instruments()), own, path, paths
        )

    def on(self, pair: str | None) -> Home:
        """The same home about a pair; itself without one, and for the fund that its definitions are about.

        Raises
        ------
        InputError
            There is no such pair.
        """
        if pair is None or pair == USUAL:
            return self
        pairs = self.pairs()
        if pair not in pairs:
            allowed = ", ".join([USUAL, *pairs])
            raise InputError("--pair", pair, allowed, f"choose one, or add it with `bullbear new pair {pair}`")
        return replace(self, pair=pairs[pair])

    def following(self, model: str) -> Home:
        """The home about the pair of the fund that `models/MODEL.toml` is about; itself where it is about that already.

        Raises
        ------
        DefinitionError
            There is no such model, it cannot be read, or no pair is about its fund.
        """
        if self.pair is not None:
            return self
        from bullbear.pairing import pair_about

        name = model.removeprefix("models/").removesuffix(".toml")
        definition, source = read(self.find("models", name), ModelDefinition, context={"questions": self.questions()})
        return self.on(pair_about(definition, source, self.pairs()))

    @property
    def paired(self) -> tuple[Home, ...]:
        """The same home about each pair of which something has been written."""
        return tuple(self.on(name) for name in self.pairs() if (self.root / PAIRS / name).is_dir())

    @property
    def pair_funds(self) -> tuple[str, ...]:
        """The funds of the pairs of which something has been written, and of those that the home itself defines."""
        used = {place.pair.pair.name for place in self.paired if place.pair is not None}
        pairs = [each.pair for name, each in self.pairs().items() if name in used or name not in shipped.PAIRS]
        return tuple(dict.fromkeys(ticker for pair in pairs for ticker in (pair.bull, *pair.bear)))

    def _feature_paths(self, names: Sequence[str], source: Source, below: tuple[str, ...] = ()) -> tuple[Path, ...]:
        found = []
        for number, name in enumerate(names):
            try:
                found.append(self.find("features", name))
            except DefinitionError as bad:
                where = source.where(*below, "features", number)
                raise DefinitionError(where, name, bad.allowed, bad.remedy) from bad
        return tuple(found)


def experiment_name(runs: Path) -> str:
    """The experiment that holds the trainings of a home or, where `runs` is that of a pair, of the pair.

    A pair has a store of its own, but pairs may share a server.
    """
    # A home of its own may lie in a folder of that name; a pair has no store.
    of_pair = runs.parent.parent.name == PAIRS and not (runs.parent / "data").is_dir()
    return f"{EXPERIMENT}-{runs.parent.name}" if of_pair else EXPERIMENT


def experiment_names(runs: Path) -> tuple[str, str]:
    """The experiments that hold the trainings on real data and those on the simulated market; see `experiment_name`.

    Until both were parted, the first held all of them.
    """
    name = experiment_name(runs)
    return name, f"{name}-simulated"


def locate(option: Path | None, pair: str | None = None, *, create: bool = False) -> Home:
    """The home that `--home`, `BULLBEAR_HOME` or the current directory names, in that order, perhaps about a pair.

    Parameters
    ----------
    create
        Make the folder, and those above it, if it does not exist.

    Raises
    ------
    InputError
        The path is a file, or does not exist and `create` is false: a misspelt path is no new home.
    """
    root = option or Path(os.environ.get("BULLBEAR_HOME") or ".")
    if root.exists() and not root.is_dir():
        raise InputError("--home", str(root), "a directory", "name another place")
    if not root.exists():
        if not create:
            raise InputError(
                "--home",
                str(root),
                "a folder that exists",
                "check the path; `bullbear run`, `simulate`, `ingest`, `fetch` and `new` make a new home with --create",
            )
        root.mkdir(parents=True)
    home = Home(root.resolve())
    sessions.keep_in(home.data)
    return home.on(pair)
