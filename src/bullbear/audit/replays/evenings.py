"""Evenings of the ledger, repeated: the models that were in force on the rows that this machine had stored.

The entries that were appended together are one evening. The entry of `up` names who answered every question, the entry
of each question the fit that was in force; together they give the forecasts again, coherent as they were issued.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pydantic import TypeAdapter

from bullbear import sessions
from bullbear.audit.subject import Subject
from bullbear.data.store import Store
from bullbear.dataset.examples import fingerprint
from bullbear.decide import Forecast
from bullbear.definitions import UP, Question, Target
from bullbear.definitions.questions import AnyQuestion
from bullbear.errors import BullbearError, RunError
from bullbear.factors.engine.registry import renew
from bullbear.forecasting.bundle import Bundle, read_bundle
from bullbear.forecasting.champion_history import kept_at
from bullbear.forecasting.champions import Asked, question_of
from bullbear.forecasting.close import Close, close_of
from bullbear.forecasting.today import Answered, forecasts_on
from bullbear.home import Home
from bullbear.learn import FoldModel

Entry = Mapping[str, Any]
_QUESTION: TypeAdapter[Question] = TypeAdapter(AnyQuestion)


@dataclass(frozen=True)
class InForce(Bundle):
    """A bundle of which one fit alone is used, whatever was fitted since."""

    fit: str = ""

    @classmethod
    def of(cls, bundle: Bundle, fit: str) -> InForce:
        """The bundle with the model fitted through the day `fit`.

        Raises
        ------
        RunError
            It does not hold that model.
        """
        if fit not in bundle.trained_through():
            raise RunError(bundle.label, f"no model fitted through {fit}", "the models of its entries", "restore it")
        return cls(bundle.root, bundle.meta, bundle.definition, bundle.feature_sets, bundle.label, fit=fit)

    def model_for(self, session: pd.Timestamp) -> FoldModel:
        """The model in force; see `of`."""
        return self.model_named(self.fit)


@dataclass(frozen=True)
class Evening:
    """Entries that were appended together, with all entries of the ledger up to them."""

    entries: tuple[Entry, ...]
    before: tuple[Entry, ...]

    @property
    def up(self) -> Entry | None:
        """The entry with the outlook."""
        return next((each for each in self.entries if question_in(each) == UP.name), None)

    def entry_of(self, question: str, run_id: str | None) -> Entry | None:
        """What was issued of a question at this close by a run, in this evening or, where nothing was new, before."""
        here = [*self.before, *self.entries]
        found = [each for each in here if question_in(each) == question and run_in(each) == run_id]
        at = [each for each in found if each["decided_at"] == self.entries[0]["decided_at"]]
        return at[-1] if at else None


@dataclass(frozen=True)
class Again:
    """An evening repeated: the close with its view, and the answer to each question."""

    close: Close
    answers: Mapping[str, Answered]

    def forecast(self, question: str) -> Forecast:
        """The probability and what belongs to it."""
        return self.answers[question].forecast

    def fingerprint(self, question: str) -> str:
        """Of the factors of the close and all labels; see `dataset.examples.fingerprint`."""
        answer = self.answers[question]
        labels = answer.labels
        return fingerprint(answer.factors, labels["y"].to_numpy(), pd.DatetimeIndex(labels["resolved_at"]))


def question_in(entry: Entry) -> str:
    """The question of an entry."""
    return str(entry.get("question", UP.name))


def run_in(entry: Entry) -> str | None:
    """The run that an entry is of; None for the base rate."""
    found = entry.get("model", {}).get("run_id")
    return None if found is None else str(found)


def stored_in(entry: Entry) -> pd.Timestamp | None:
    """When the last row was stored that an entry could see; None in those of an older version."""
    found = entry.get("data", {}).get("stored_through")
    return None if found is None else pd.Timestamp(found)


def evenings_of(entries: Sequence[Entry]) -> list[Evening]:
    """The evenings of a ledger, in its order."""
    found: list[Evening] = []
    place = 0
    while place < len(entries):
        count = int(entries[place].get("batch", {}).get("of", 1))
        found.append(Evening(tuple(entries[place : place + count]), tuple(entries[:place])))
        place += count
    return found


def repeated(subject: Subject, store: Store, evening: Evening) -> Again:
    """The forecasts of an evening from what was stored at it.

    Raises
    ------
    RunError
        A model that answered is gone, or is not kept as it was then.
    NoDataError
        What was stored by then has no bar of the close.
    """
    up = evening.up
    if up is None:
        raise RunError("ledger", "an evening without `up`", "one with its outlook", "restore the ledger")
    asked = list(_asked(subject, evening, up))
    question = question_of(asked[0].bundle) if asked[0].bundle is not None else UP
    target = Target(ticker=str(up["ticker"]), question=question)
    session = sessions.day(pd.Timestamp(up["decided_at"]))
    at = close_of(store, target, str(session.date()), stored=stored_in(up))
    renew()
    today = forecasts_on(at.view, at.labels_of, target.ticker, pd.DatetimeIndex(at.labels.index[-1:]), asked)
    return Again(at, {each.asked.question.name: each for each in today.answers})


def _asked(subject: Subject, evening: Evening, up: Entry) -> Iterator[Asked]:
    """Who answered, `up` first, each with the model that was in force."""
    yield _answering(subject, up, None)
    for said in up.get("outlook", ()):
        name, run_id = str(said["question"]), said.get("run_id")
        if name == UP.name:
            continue
        entry = evening.entry_of(name, run_id)
        if entry is None:
            raise RunError("ledger", f"no entry of {name} beside that of up", "one of each question", "restore it")
        yield _answering(subject, entry, _QUESTION.validate_python(entry["asks"]))


def _answering(subject: Subject, entry: Entry, question: Question | None) -> Asked:
    run_id, fit = run_in(entry), entry["model"].get("trained_through")
    if run_id is None or fit is None:
        if question is None:
            raise RunError("ledger", "an entry of up without a model", "one with its run", "restore the ledger")
        return Asked(question)
    lacking: BullbearError | None = None
    for bundle in _kept(subject, question_in(entry), run_id):
        try:
            bundle.factors()
            found = InForce.of(bundle, str(fit))
            _ = found.model_named(found.fit)
        except BullbearError as bad:
            lacking = bad
            continue
        return Asked(question or question_of(bundle), found)
    raise lacking or RunError(f"run {run_id[:8]}", "its bundle is gone", "a bundle of its run", "restore it")


def _kept(subject: Subject, question: str, run_id: str) -> Iterator[Bundle]:
    """The bundles of a run: the champion's, with its refits, a former champion's, and that of the training."""
    home: Home = subject.home
    places = [home.champion_of(question), kept_at(home, question, run_id)]
    for place in places:
        try:
            bundle = read_bundle(place, label=f"run {run_id[:8]}")
        except RunError:
            continue
        if bundle.meta.get("run_id") == run_id:
            yield bundle
    if subject.run_ids.get(question) == run_id and question in subject.bundles:
        yield subject.bundles[question]
