"""The questions of the outlook, and who answers each: its champion, or the base rate.

`up` always has a champion, since positions are held on its forecasts: without one there is no forecast. Any other
question falls back to the base rate, with a note, when its champion is missing, damaged, of other data or of another
question than `models/questions.toml` asks now: one broken champion must not silence the rest.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from bullbear.definitions import UP, Question
from bullbear.errors import BullbearError, RunError
from bullbear.forecasting.bundle import Bundle, champion_of, read_bundle
from bullbear.home import Home


@dataclass(frozen=True)
class Asked:
    """A question and the champion that answers it; None is the base rate."""

    question: Question
    bundle: Bundle | None = None


@dataclass(frozen=True)
class Others:
    """The questions of the outlook besides `up`, in the order of questions.toml, with a note for each fall-back."""

    asked: tuple[Asked, ...] = ()
    notes: tuple[str, ...] = ()

    def through(self, step: Callable[[Bundle], Bundle]) -> Others:
        """`step` taken with each champion; where it is refused, the question falls back to the base rate."""
        asked, notes = [], list(self.notes)
        for each in self.asked:
            if each.bundle is not None:
                try:
                    each = replace(each, bundle=step(each.bundle))
                except BullbearError as bad:
                    each = Asked(each.question)
                    notes.append(f"{each.question.name} falls back to the base rate: {bad}")
            asked.append(each)
        return Others(tuple(asked), tuple(notes))


def others_of(home: Home, first: Bundle) -> Others:
    """Every question of the home besides `up`, with the champion that can stand beside `first`, that of `up`."""
    asked, notes = [], []
    for question in home.questions().values():
        if question.name == UP.name:
            continue
        place = home.champion_of(question.name)
        each = Asked(question)
        if os.path.lexists(place):
            try:
                each = _asked(question, read_bundle(place, label=champion_of(question.name)), first)
            except BullbearError as bad:
                notes.append(f"{question.name} falls back to the base rate: {bad}")
        asked.append(each)
    return Others(tuple(asked), tuple(notes))


def _asked(question: Question, bundle: Bundle, first: Bundle) -> Asked:
    target = bundle.definition.target
    trained, now = target.question, question
    label = champion_of(question.name)
    again = f"train and promote again: `bullbear train {bundle.definition.name} && bullbear promote latest`"
    if target.ticker != first.definition.target.ticker:
        raise RunError(label, f"a model of {target.ticker}", first.definition.target.ticker, again)
    if bundle.meta["simulated"] != first.meta["simulated"]:
        kinds = {True: "the simulated market", False: "real data"}
        raise RunError(
            label,
            f"trained on {kinds[bool(bundle.meta['simulated'])]}",
            kinds[bool(first.meta["simulated"])],
            again,
        )
    # A horizon of the model's own, in its [target], is meant to be another; its sentence says which.
    if bundle.definition.subject.horizon is not None:
        now = now.over(trained.horizon)
    if not is_same(trained, now):
        raise RunError(label, f"trained on {shown(trained)}", f"{shown(now)}, as models/questions.toml asks", again)
    return Asked(now, bundle)


def is_same(question: Question, other: Question) -> bool:
    """Whether both ask the same, by the same name."""

    def asks(each: Question) -> tuple[str, str, float, int]:
        return each.name, each.kind, each.threshold, each.horizon

    return asks(question) == asks(other)


def shown(question: Question) -> str:
    """What a question asks, for messages."""
    return f"{question.kind} {question.threshold:g} over {question.horizon} sessions"


def question_of(bundle: Bundle) -> Question:
    """The question as the bundle was trained on it."""
    return bundle.definition.target.question
