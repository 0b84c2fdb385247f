"""A bundle: everything that a forecast needs from a training, as plain files, without MLflow.

`bundle.json` says what was trained and on what; `models/` holds the model of each fit, used from the session after its
close on (`forecasting.kept_models`); `predictions.csv` the reported out-of-sample `Predictions`, to the last bit;
`signals.csv` the pooled signal on every out-of-sample session, as issued, and the signal of each member, of a mixture
also its probability, on which a later refit rests. A champion's `bundle.json` also has its `run_id` and the `skill`
that it was promoted with.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from bullbear import sessions
from bullbear.dataset import splitter_of
from bullbear.dataset.predictions import Predictions
from bullbear.decide.policy import Policy, read_policy
from bullbear.decide.rule import Rule
from bullbear.definitions import UP, FactorSpec, FeatureSet, ModelDefinition, Question, Source
from bullbear.definitions.questions import AnyQuestion
from bullbear.errors import DefinitionError, Found, HistoryError, InputError, RunError
from bullbear.factors.engine.feature_sets import check
from bullbear.forecasting.kept_models import KeptModels
from bullbear.forecasting.user_files import user_code_of
from bullbear.learn import FoldModel
from bullbear.learn.fold_model import weights_by_fit
from bullbear.learn.pooling import signal_columns
from bullbear.user_code import UserCodeError, require_whole

VERSION = 7
READABLE = (5, 6, VERSION)
"""Bundles of version 5 also keep the account of a backtest, which is walked anew by now; both a file for each fit."""
BELIEF = "belief.json"
"""How far the signals were believed at each fit; see `forecasting.belief`."""
CHAMPION = "champion"
_PROMOTE = (
    "train a model, then `bullbear promote latest`; `bullbear train climatology && bullbear promote latest` makes the "
    "base rate the champion"
)
_PROMOTE_OTHER = (
    "train a model that answers it, such as `bullbear train outlook` for the shipped questions, then `bullbear promote "
    "latest`"
)
_VERSIONS = f"version {', '.join(map(str, READABLE[:-1]))} or {VERSION}"
_QUESTION: TypeAdapter[Question] = TypeAdapter(AnyQuestion)


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk, opened."""

    root: Path
    meta: dict[str, Any]
    definition: ModelDefinition
    feature_sets: tuple[FeatureSet, ...]
    label: str = CHAMPION
    _opened: dict[str, FoldModel] = field(default_factory=dict, repr=False, compare=False)
    through: pd.Timestamp | None = None
    """The last instant at which an outcome may be known of the forecasts that are read; None for all of them."""

    def require_usable(self) -> None:
        """Refuse a bundle that this version cannot forecast with.

        Raises
        ------
        RunError
            It was not trained walk-forward, a user's file has changed or is gone, a factor or the newest model is of
            another version, or something is damaged or missing.
        """
        self.factors()
        _ = self.rule
        self.model_named(self._fits()[-1])
        _ = self.predictions, self.signals

    def factors(self) -> list[FactorSpec]:
        """The factors that its models read.

        Raises
        ------
        RunError
            This version of the library computes one of them otherwise, or not at all, or a user's file has changed.
        """
        return list(self._factors)

    @cached_property
    def _factors(self) -> list[FactorSpec]:
        self._require_same_code()
        return self._known(self.feature_sets)

    def _known(self, feature_sets: Sequence[FeatureSet]) -> list[FactorSpec]:
        specs = [spec for feature_set in feature_sets for spec in feature_set.factor]
        for place, spec in enumerate(specs):
            try:
                check(spec, Source.nowhere("bundle"), place)
            except DefinitionError as unknown:
                raise RunError(
                    self.label,
                    f"factor {spec.name} by {spec.function}({', '.join(spec.params)})",
                    "factors of this version of bullbear and of this home",
                    self._again,
                ) from unknown
        return specs

    @cached_property
    def rule(self) -> Rule:
        """The rule for positions that it was trained with.

        Raises
        ------
        RunError
            A user's file has changed or is gone, or the policy or one of its factors is of another version.
        """
        self._require_same_code()
        with self._whole("policy"):
            rule = Rule(read_policy(self.meta["policy"]), _policy_sets(self.meta))
        self._known(rule.feature_sets)
        return rule

    @property
    def policy(self) -> Policy:
        """The policy of its rule; see `rule`."""
        return self.rule.policy

    def _require_same_code(self) -> None:
        """Refuse a model of which a user's file (factor, learner, calibrator, policy) has changed or is gone."""
        recorded = self.meta["user_code"]
        with self._whole("policy"):
            now = user_code_of(self.definition, (*self.feature_sets, *_policy_sets(self.meta)), self.meta["policy"])
        for name in sorted({name for name, _ in recorded.items() ^ now.items()}):
            require_whole(name)
            state = "changed since the training" if name in now else "gone"
            raise RunError(
                self.label,
                f"{name}, {state}",
                "the file that the model was trained with",
                f"restore it, or {self._again}",
            )

    @property
    def _again(self) -> str:
        return _again(self.label, self.definition.name)

    @property
    def question(self) -> str:
        """The question that it answers."""
        return str(self.meta["question"])

    @property
    def questions(self) -> tuple[str, ...]:
        """The questions that were trained together, its own among them."""
        every = self.meta.get("questions") or (self.question,)
        return tuple(each if isinstance(each, str) else str(each["name"]) for each in every)

    @cached_property
    def trained_with(self) -> dict[str, Question]:
        """Those questions as they were asked, by name; bundles of version 5 know the names alone.

        Raises
        ------
        RunError
            They are of another version.
        """
        kept = [each for each in self.meta.get("questions") or () if not isinstance(each, str)]
        with self._whole("questions"):
            return {each.name: each for each in map(_QUESTION.validate_python, kept)}

    def skill_known_at(self, instant: pd.Timestamp) -> dict[str, float | None]:
        """The Brier skill of a champion at its promotion, `skill`, `skill_low` and `skill_high`.

        None where unknown, and where it rests on outcomes that had not resolved by `instant`: a replay of an early day
        must not show what came of the days after it.
        """
        found = self.meta.get("skill") or {}
        through = found.get("resolved_through")
        if through is None or pd.Timestamp(through) > instant:
            found = {}
        return {name: found.get(name) for name in ("skill", "skill_low", "skill_high")}

    @property
    def is_walk_forward(self) -> bool:
        """Whether every model was fitted before what it forecasts; else there are no models, only `predictions`."""
        return splitter_of(self.definition).is_walk_forward

    @cached_property
    def predictions(self) -> Predictions:
        """The reported out-of-sample forecasts.

        Raises
        ------
        RunError
            They are missing or damaged.
        """
        with self._whole("predictions.csv"):
            found = Predictions.from_csv((self.root / "predictions.csv").read_text(encoding="utf-8"))
        return found if self.through is None else found.known_at(self.through)

    @property
    def signals(self) -> pd.DataFrame:
        """The pooled and the members' signals by `decided_at`, burn-in included; see `learn.Training`.

        Raises
        ------
        RunError
            They are missing or damaged.
        """
        with self._whole("signals.csv"):
            table = pd.read_csv(self.root / "signals.csv", dtype="str", keep_default_na=False)
            index = pd.DatetimeIndex(pd.to_datetime(table["decided_at"], utc=True)).as_unit("us")
            columns = {name: [float(cell) for cell in table[name]] for name in signal_columns(self.definition)}
            return pd.DataFrame(columns, index=index, dtype=np.float64)

    @property
    def first_session(self) -> pd.Timestamp:
        """The session of the first reported forecast of its ticker; see `last_session`."""
        return self._reported(0)

    @property
    def last_session(self) -> pd.Timestamp:
        """The session of the last one.

        Raises
        ------
        RunError
            There is none, or the forecasts are damaged.
        """
        return self._reported(-1)

    def _reported(self, place: int) -> pd.Timestamp:
        with self._whole("predictions.csv"):
            return sessions.day(pd.Timestamp(self._closes.iloc[place]))

    @cached_property
    def _closes(self) -> pd.Series:
        """The closes of the reported forecasts of its ticker, as written: of many champions no more is asked."""
        columns = ["decided_at", "asset"]
        table = pd.read_csv(self.root / "predictions.csv", usecols=columns, dtype="str", keep_default_na=False)
        return table["decided_at"][table["asset"] == self.definition.ticker]

    def trained_through(self) -> list[str]:
        """The day of each fold's fit, in order."""
        return list(self._models.fits)

    @cached_property
    def _models(self) -> KeptModels:
        return KeptModels(self.root, self.meta.get("fits"))

    def model_for(self, session: pd.Timestamp) -> FoldModel:
        """The newest model fitted before `session`.

        Raises
        ------
        HistoryError
            Every model was fitted at or after it; a forecast of that day with any of them would look ahead.
        """
        fits = self._fits()
        earlier = [name for name in fits if name < str(session.date())]
        if not earlier:
            raise HistoryError(
                "--as-of",
                str(session.date()),
                f"days after {fits[0]}, when the champion's first model was fitted",
                "choose a later day: an earlier one would look ahead",
            )
        return self.model_named(earlier[-1])

    def model_named(self, day: str) -> FoldModel:
        """The model fitted at the close of `day`, one of `trained_through`.

        Raises
        ------
        RunError
            Another version of the library wrote it in another form, or it is damaged.
        """
        if day in self._opened:
            return self._opened[day]
        self._require_same_code()
        with self._whole(self._models.file_of(day)):
            model = self._models.read(day)
            model.require_restorable()  # a learner of another version keeps another state
        # One at a time: a forecast asks for one again and again, and a few hundred would fill the memory.
        self._opened.clear()
        self._opened[day] = model
        return model

    def weights(self) -> pd.DataFrame:
        """The weights of the members at each fit; see `learn.Training.weights`.

        Raises
        ------
        RunError
            A model is damaged, or of another version.
        """
        if len(self.definition.members) < 2:  # nothing is weighed: a few hundred models need not be read
            return weights_by_fit([])
        return weights_by_fit([self.model_named(day) for day in self.trained_through()])

    def believed(self) -> dict[str, float]:
        """How far the signals are believed by the day of each fit; empty where that was not kept."""
        try:
            found = json.loads((self.root / BELIEF).read_text(encoding="utf-8"))["a"]
            return {str(day): float(a) for day, a in found.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def _fits(self) -> list[str]:
        fits = self.trained_through()
        if not fits:
            if not self.is_walk_forward:
                kind = self.definition.splitter["kind"]
                raise RunError(self.label, f"no models: its splitter is {kind}", "a walk-forward training", self._again)
            raise RunError(self.label, "no models", "a bundle with its models", self._again)
        return fits

    def continue_models(self, root: Path, models: Sequence[FoldModel]) -> list[str]:
        """Write its models and later ones into the bundle `root`; the days of all fits.

        Raises
        ------
        RunError
            A model that stands in the same file as a later one is damaged.
        """
        try:
            return self._models.continue_in(root, models)
        except ValueError as bad:
            raise self._damaged("models") from bad

    @contextmanager
    def _whole(self, name: str) -> Iterator[None]:
        """Refuse a file that cannot be read as this version writes it."""
        try:
            yield
        except UserCodeError:
            raise  # the file at fault is named
        except (OSError, ValueError, KeyError, TypeError, AttributeError, DefinitionError, InputError) as bad:
            raise self._damaged(name) from bad

    def _damaged(self, name: str) -> RunError:
        found = f"{name}, damaged or of another version"
        return RunError(self.label, found, "a bundle as this version writes it", self._again)


def _policy_sets(meta: Mapping[str, Any]) -> tuple[FeatureSet, ...]:
    return tuple(FeatureSet.model_validate(each) for each in meta.get("policy_feature_sets", ()))


def champion_of(question: str) -> str:
    """What messages call the champion of a question."""
    return CHAMPION if question == UP.name else f"{CHAMPION} of {question}"


def read_bundle(root: Path, *, label: str = CHAMPION) -> Bundle:
    """Open a bundle; `label` names it in messages. A champion's `run_id` stands in `meta`.

    Raises
    ------
    RunError
        There is none, or it is not whole.
    """
    place = root.resolve()  # a promotion may exchange the link meanwhile; stay with one version
    try:
        meta = json.loads((place / "bundle.json").read_text(encoding="utf-8"))
        if (version := meta.get("version", 1)) not in READABLE:
            name = meta["definition"]["name"] if version in range(1, VERSION) else "MODEL"
            raise RunError(label, f"{_place(root, label)} of version {version}", _VERSIONS, _again(label, str(name)))
        _ = dict(meta["policy"]), dict(meta["user_code"])
        return Bundle(
            place,
            meta,
            ModelDefinition.model_validate(meta["definition"]),
            tuple(FeatureSet.model_validate(each) for each in meta["feature_sets"]),
            label,
        )
    except OSError as bad:
        if label == CHAMPION and os.path.lexists(root.parent.with_name("champion")):  # its place before version 2
            raise RunError(label, "a bundle of an earlier version", _VERSIONS, _again(label, "MODEL")) from bad
        if label.startswith(CHAMPION):
            remedy = _PROMOTE if label == CHAMPION else _PROMOTE_OTHER
            raise RunError(label, Found("none yet"), "a promoted run", remedy) from bad
        raise RunError(label, Found("its bundle is gone"), "a run with its artifacts", "train the model again") from bad
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        DefinitionError,
    ) as bad:  # pydantic's and JSON's errors are ValueErrors
        raise RunError(label, "a damaged bundle.json", "a bundle as it was written", _again(label, "MODEL")) from bad


def _again(label: str, model: str) -> str:
    if not label.startswith(CHAMPION):
        return "train the model again"
    return f"train and promote again: `bullbear train {model} && bullbear promote latest`"


def _place(root: Path, label: str) -> str:
    """A bundle's file as messages name it; of a run its folder says nothing."""
    return "/".join((*(root.parts[-3:] if label.startswith(CHAMPION) else root.parts[-1:]), "bundle.json"))
