"""Finished trainings: found by id, prefix, model, `latest` or `champion`, and opened.

Only runs marked as finished count; a killed or failed training is ignored.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bullbear.definitions import UP
from bullbear.errors import BullbearError, Found, RunError
from bullbear.evaluate.scored_model import ScoredModel
from bullbear.evaluate.tried_models import COVERAGE
from bullbear.forecasting.bundle import champion_of, read_bundle
from bullbear.forecasting.ledger import warn
from bullbear.home import Home
from bullbear.tracking.known_trials import KnownTrials
from bullbear.tracking.run import Run
from bullbear.tracking.scored import scored_models
from bullbear.tracking.stored_runs import PARENT, StoredRun, has_store, opened, stored_runs
from bullbear.tracking.tags import QUESTION, QUESTIONS, USED_AGAIN
from bullbear.tracking.tried_runs import Try, read_try
from bullbear.tracking.tries import TRIALS, identity, is_benchmark
from bullbear.tracking.usable import cause, store_errors
from bullbear.trials import Identity, Tries, tries_on


@dataclass(frozen=True)
class Training:
    """The runs of one training: the ids of all of them, its own first, and those that answer a question.

    `params` are those of the run, `tags` those of the training's own.
    """

    ids: tuple[str, ...]
    runs: tuple[Run, ...]
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


class Runs:
    """The trainings of a home."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def find(self, name: str, question: str | None = None) -> Run:
        """The run that `name` means: an id, a unique prefix of one, a model (its latest run), `latest` or `champion`.

        Parameters
        ----------
        question
            Which of a training's questions; None for `up`, or for the only one it has. Of a model its latest run that
            answers the question; of `champion` the champion of that question.

        Raises
        ------
        RunError
            There is no such run, there are several, it does not answer the question, or the run of that question was
            deleted.
        """
        if name == "champion":
            return self._champion(question or UP.name)
        found = self._named(name, question)
        answered = _questions(found)
        wanted = question
        if wanted is None and (UP.name in answered or len(answered) == 1):
            wanted = UP.name if UP.name in answered else answered[0]
        if wanted is None or wanted not in answered:
            value: str = Found("no --question") if wanted is None else f"--question {wanted}"
            raise RunError(_label(found), value, ", ".join(answered), "name a question that it answers")
        return self._open(self._child(found, wanted))

    def find_each(self, name: str, say: Callable[[str], None] = warn) -> list[Run]:
        """The run of each question that the training answers which `name` means; see `find`.

        A champion that cannot be read, that of `up` apart, and a question whose run was deleted are left out.

        Parameters
        ----------
        say
            Called with a note for each that is left out.

        Raises
        ------
        RunError
            There is no such run, nothing is left of it, or the champion of `up` cannot be read.
        """
        if name == "champion":
            held = [each for each in self.home.questions() if self.home.has_champion(each)]
            return self._champions(held or [UP.name], say)
        found = self._named(name)
        children, deleted = [], []
        for question in _questions(found):
            try:
                children.append(self._child(found, question))
            except RunError as bad:
                deleted.append(bad)
        if not children:
            raise deleted[0]
        for each in deleted:
            say(str(each))
        return [self._open(each) for each in children]

    def _champions(self, questions: Sequence[str], say: Callable[[str], None]) -> list[Run]:
        found: list[Run] = []
        refused: dict[str, BullbearError] = {}
        for question in questions:
            try:
                champion = self._champion(question)
                _ = champion.predictions
                found.append(champion)
            except BullbearError as bad:
                if question == UP.name:
                    raise
                refused[question] = bad
        if not found:
            raise next(iter(refused.values()))
        for question, reason in refused.items():
            say(f"the {champion_of(question)} is left out: {reason}")
        return found

    def beside(self, run: Run, needed: Collection[str]) -> list[Run]:
        """The runs of the questions `needed` that were trained together with that of `run`.

        Raises
        ------
        RunError
            One of them is gone.
        """
        parent = run.tags.get(PARENT)
        found = {each.tags.get(QUESTION): each for each in self._finished() if parent and each.parent == parent}
        others = [question for question in run.bundle.questions if question in needed and question != run.question]
        for question in others:
            if question not in found:
                missing = Found(f"its run of {question} was deleted")
                raise RunError(f"run {run.run_id[:8]}", missing, "all runs of its training", "train the model again")
        return [self._open(found[question]) for question in others]

    def training_of(self, run: Run) -> Training:
        """The training that `run` belongs to, as far as it is left in the store; the run alone where it cannot be read.

        The run itself stands in it as it is given: a champion with its refits.
        """
        try:
            finished = stored_runs(self.home.runs)
        except store_errors():
            finished = []
        own = next((each for each in finished if each.run_id == run.run_id), None)
        if own is None:
            return Training((), (run,))
        root = own.parent or own.run_id
        members = [each for each in finished if root in (each.run_id, each.parent)]
        ids = sorted((each.run_id for each in members), key=lambda run_id: run_id != root)
        answering = [each for each in members if QUESTIONS not in each.tags]
        opened_runs = [self._open(each) if each.run_id != run.run_id else run for each in answering]
        tags = next((each.tags for each in members if each.run_id == root), own.tags)
        return Training(tuple(ids), tuple(opened_runs), own.params, tags)

    def distribution(self, name: str) -> dict[str, Any] | None:
        """The scores of the distribution that a training forecast, as they were logged; None if it knew none."""
        if name == "champion":
            return None
        place = self._artifacts(self._named(name)) / "distribution.json"
        return json.loads(place.read_text(encoding="utf-8")) if place.exists() else None

    def _named(self, name: str, question: str | None = None) -> StoredRun:
        """A training, by id, prefix, model or `latest`; a child run only by its id or prefix.

        A model may have been trained on some of its questions alone: its latest run that answers `question` is meant.
        """
        found = self._finished()
        trainings = sorted((run for run in found if run.parent is None), key=_used, reverse=True)
        if name == "latest":
            if not trainings:
                raise RunError("run", "latest", "a finished training", "run `bullbear train MODEL` first")
            return trainings[0]
        if of_model := [run for run in trainings if run.tags.get("model") == name]:
            return next((run for run in of_model if question in _questions(run)), of_model[0])
        matching = [run for run in found if name and run.run_id.startswith(name)]
        if len(matching) == 1:
            return matching[0]
        if not matching:
            newest = [f"{run.run_id[:8]} ({run.tags.get('model')})" for run in trainings[:5]]
            known = ", ".join(newest) or "none yet"
            raise RunError(
                "run", name, f"latest, champion, or one of: {known}", "give an id, a unique prefix or a model"
            )
        raise RunError(
            "run", name, f"a unique prefix ({len(matching)} runs start with it)", "give more characters of the id"
        )

    def _child(self, run: StoredRun, question: str) -> StoredRun:
        """The child run of a question; the run itself if it answers a single one."""
        if QUESTIONS not in run.tags:
            return run
        for each in self._finished():
            if each.parent == run.run_id and each.tags.get(QUESTION) == question:
                return each
        found = Found(f"its run of {question} was deleted")
        raise RunError(_label(run), found, "a question whose run is there", "train the model again")

    def tried(self, run: Run) -> int:
        """How many models were tried on `run`'s question and kind of data, at least 1; see `trials`.

        The run itself counts, unless it is of the base rate: that is no try, whoever asks.

        Raises
        ------
        TrialsError
            The registry of trials is damaged.
        """
        return max(1, self.is_try(run) + len(self.tries(run).others(self.identity(run))))

    def is_try(self, run: Run) -> bool:
        """Whether a run counts among those tried: one of the base rate is the benchmark."""
        return not is_benchmark(self._params(run))

    def identity(self, run: Run) -> Identity:
        """What makes its training a try of its own."""
        return identity(run.tags, self._params(run))

    def tries(self, run: Run) -> Tries:
        """Everything that was tried on `run`'s question and kind of data, runs included that are gone since."""
        return tries_on(KnownTrials(self.home).trials, run.question, run.tags.get("data"))

    def others_tried(self, run: Run) -> list[Try]:
        """The newest training of every other model tried on `run`'s question and kind of data, with its forecasts.

        Where the registry does not keep them, they are fetched from the store, if enough were scored to be compared
        with those of `run`.
        """
        least = COVERAGE * len(run.of_target.resolved().table)
        known = KnownTrials(self.home)
        found = tries_on(known.trials, run.question, run.tags.get("data"))
        return [read_try(each, run, known, self._artifact, least) for each in found.others(self.identity(run))]

    def _params(self, run: Run) -> Mapping[str, str]:
        """How a run was trained; that of a champion stands in its run as long as that is there."""
        if run.params:
            return run.params
        try:
            stored = self._everything
        except store_errors():
            stored = []
        logged = next((each.params for each in stored if each.run_id == run.run_id), None)
        start, learner = run.bundle.meta.get("start"), run.bundle.definition.learner or {}
        known = {f"learner.{key}": str(value) for key, value in learner.items()}
        return logged or {**known, **({} if start is None else {"option.start": str(start)})}

    @property
    def _everything(self) -> list[StoredRun]:
        return self._finished(deleted=True)

    def promote(
        self,
        run: Run,
        *,
        instead_of: Path | None = None,
        skill: Mapping[str, float | None] | None = None,
        forced: Mapping[str, str] | None = None,
    ) -> None:
        """Make `run` the champion of its question: the forecasts' bundle first, then the mark in MLflow's registry.

        Parameters
        ----------
        run
            What becomes champion.
        instead_of
            The folder of the champion that the run was compared with (`Home.champion_of`, resolved); None replaces any.
        skill
            What its forecasts are shown with, see `Bundle.skill_known_at`; None keeps what its bundle has.
        forced
            `at`, `reason` and `refused`, if it is promoted although the gate refuses it; kept in its bundle.

        Raises
        ------
        RunError
            Another champion stands there by now.
        """
        from bullbear.tracking.recording import promote

        promote(self.home, run, instead_of=instead_of, skill=skill, forced=forced)

    def mark(self, run: Run) -> None:
        """Mark the present champion in MLflow's registry once more; its bundle stays as it is."""
        from bullbear.tracking.recording import mark

        mark(self.home, run)

    def judge(
        self,
        run: Run,
        verdict: str,
        document: Mapping[str, Any] | None = None,
        *,
        say: Callable[[str], None] = warn,
    ) -> None:
        """Record what the gate said of `run`, for the run list and the registry; the challenger follows from it.

        It never fails, because the promotion or refusal itself stands: what cannot be recorded becomes a note.

        Parameters
        ----------
        verdict
            A sentence that begins with `champion`, `passed` or `refused`.
        document
            Every number of the verdict, kept as the artifact `verdict.json`.
        say
            Called with the note.
        """
        from bullbear.tracking.recording import judge

        judge(self.home, run, verdict, document, say=say)

    def follow(
        self, question: str, run_id: str | None, verdict: str, *, ticker: str, say: Callable[[str], None] = warn
    ) -> None:
        """Mark whom a demotion or a roll-back made champion; what MLflow does not take becomes a note.

        Parameters
        ----------
        run_id
            The new champion; None where the question has none.
        verdict
            Recorded on its run.
        ticker
            What the question is about.
        say
            Called with the note.
        """
        from bullbear.tracking.recording import follow

        follow(self.home, question, run_id, verdict, ticker=ticker, say=say)

    def note_verdict(self, run_id: str, verdict: str, *, say: Callable[[str], None] = warn) -> None:
        """Record a verdict on the run of an id, if it is still there; see `judge`."""
        from bullbear.tracking.recording import note_verdict

        note_verdict(self.home, run_id, verdict, say=say)

    def tag(self, run: Run, tags: Mapping[str, str], *, say: Callable[[str], None] = warn) -> None:
        """Tag a finished run; what fails becomes a note."""
        from bullbear.tracking.recording import tag

        tag(self.home, run, tags, say=say)

    def use_again(self, run_id: str, *, say: Callable[[str], None] = warn) -> None:
        """Make a training the latest one, since it was asked for again; what fails becomes a note."""
        from bullbear.tracking.recording import use_again

        use_again(self.home, run_id, say=say)

    def attach(self, run: Run, name: str, text: str, *, say: Callable[[str], None] = warn) -> None:
        """Keep a text as an artifact of a finished run, in place of an earlier one; what fails becomes a note."""
        from bullbear.tracking.recording import attach

        attach(self.home, run, name, text, say=say)

    def record_audit(
        self,
        run_ids: Sequence[str],
        texts: Mapping[str, str],
        tags: Mapping[str, str],
        metrics: Mapping[str, float],
        *,
        say: Callable[[str], None] = warn,
    ) -> bool:
        """Keep an audit with every run of a training, in place of an earlier one; what fails becomes a note.

        Parameters
        ----------
        texts
            Artifacts, by file name.
        """
        from bullbear.tracking.recording import record_audit

        return record_audit(self.home, run_ids, texts, tags, metrics, say=say)

    def present_text(self, run_id: str, name: str) -> str | None:
        """An artifact that may have been replaced since it was last read; None if it, or its run, is not there."""
        try:
            run = next((each for each in stored_runs(self.home.runs) if each.run_id == run_id), None)
            if run is None:
                return None
            if run.place is not None:
                return (run.place / name).read_text(encoding="utf-8")
            with tempfile.TemporaryDirectory(prefix="bullbear-") as folder:
                self._download(run_id, Path(folder), name)
                return (Path(folder) / name).read_text(encoding="utf-8")
        except store_errors():
            return None

    def texts(self, run_ids: Collection[str], name: str) -> dict[str, str]:
        """An artifact of several runs, by run id; runs without it, or that are gone, are left out."""
        try:
            everything = self._everything
        except store_errors():
            return {}
        found: dict[str, str] = {}
        for each in everything:
            if each.run_id in run_ids:
                try:
                    found[each.run_id] = self._artifact(each, name).read_text(encoding="utf-8")
                except Exception:  # whatever a store raises for a file that is gone
                    continue
        return found

    def scored(
        self, questions: Collection[str], *, simulated: bool, about: str | None = None
    ) -> dict[str, list[ScoredModel]]:
        """The scores of all models tried on each of `questions`, of equal trainings the newest; empty without a store.

        Parameters
        ----------
        about
            The run that the comparison is about; it is never left out.
        """
        try:
            finished = self._finished()
        except store_errors():
            return {}
        return scored_models(finished, questions, simulated=simulated, about=about)

    def unreadable(self) -> str | None:
        """Why the runs cannot be read, in one line; None if they can, or where there is no store."""
        try:
            if has_store(self.home.runs):
                self._finished()
        except store_errors() as bad:
            return str(bad) if isinstance(bad, BullbearError) else cause(bad)
        return None

    def _champion(self, question: str) -> Run:
        # From its own bundle alone: the run may have been deleted, or the tracking store be another one by now.
        if question not in (known := self.home.questions()) and not self.home.has_champion(question):
            raise RunError("--question", question, ", ".join(known), "name a question of models/questions.toml")
        bundle = read_bundle(self.home.champion_of(question), label=champion_of(question))
        tags = {
            "model": bundle.definition.name,
            "question": question,
            "definition_hash": str(bundle.meta["definition_hash"]),
            "data": "SIMULATED" if bundle.meta["simulated"] else "real",
        } | ({TRIALS: str(bundle.meta[TRIALS])} if TRIALS in bundle.meta else {})
        return Run(str(bundle.meta["run_id"]), bundle.definition.name, tags, {}, bundle.root, bundle.root)

    def _finished(self, *, deleted: bool = False) -> list[StoredRun]:
        """Finished trainings, the newest first; see `stored_runs`."""
        found = stored_runs(self.home.runs, deleted=deleted)
        if not found and not has_store(self.home.runs):
            remedy = "run `bullbear train MODEL` first"
            raise RunError("run", Found("no tracked run in this home"), "a finished training", remedy)
        return found

    def _open(self, run: StoredRun) -> Run:
        return opened(run, self._artifacts(run))

    def _artifacts(self, run: StoredRun) -> Path:
        # Artifacts on a remote store are fetched once into the home's cache, by run id, and never change.
        return run.place or self._fetched(run.run_id)

    def _artifact(self, run: StoredRun, name: str) -> Path:
        """The place of one artifact alone: of many runs no more is fetched than is read."""
        place = run.place or self.home.runs / "fetched" / run.run_id
        if (place / name).exists() or run.place:
            return place / name
        folder = self.home.runs / "fetched" / f"{run.run_id}-{Path(name).stem}"
        if not (folder / name).exists():
            folder.mkdir(parents=True, exist_ok=True)
            self._download(run.run_id, folder, name)
        return folder / name

    def _download(self, run_id: str, place: Path, name: str | None = None) -> None:
        from mlflow.artifacts import download_artifacts

        from bullbear.tracking.mlflow_store import connect_to_read

        connect_to_read(self.home.runs)  # points MLflow to the store
        download_artifacts(run_id=run_id, artifact_path=name, dst_path=str(place))

    def _fetched(self, run_id: str) -> Path:
        place = self.home.runs / "fetched" / run_id
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".fetch-", dir=place.parent) as folder:
                staged = Path(folder) / run_id
                staged.mkdir()
                self._download(run_id, staged)
                # Whole or not at all; another process may have been quicker, and its copy is as good.
                if not place.exists():
                    os.replace(staged, place)
        return place


def _used(run: StoredRun) -> int:
    """When a training ended, or was asked for again."""
    return max(run.ended, int(run.tags.get(USED_AGAIN, 0)))


def _label(run: StoredRun) -> str:
    return f"run {run.run_id[:8]}"


def _questions(run: StoredRun) -> list[str]:
    """The questions that a run answers, in the order of its definition."""
    tags = run.tags
    return str(tags[QUESTIONS] if QUESTIONS in tags else tags.get(QUESTION, UP.name)).split(",")
