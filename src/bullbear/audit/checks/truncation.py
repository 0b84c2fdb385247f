"""Truncation: rows and forecasts from a store cut at a close are those from the full store.

A copy of the store that holds only what was known at the close must give every factor, label and base rate up to it;
the run's forecast of that day, by its model of that day, to the last bit; and the fits of the walk-forward. A model
that was never trained is trained on both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from bullbear.audit.changes import Removed
from bullbear.audit.examples_compared import examples_differ, first_of_each, of_finding
from bullbear.audit.factors.truncation import truncation
from bullbear.audit.replays.forecasts import (
    compared,
    differing_part,
    fit_leak,
    forecast_leaks,
    replayed,
    reported_sessions,
)
from bullbear.audit.result import CheckResult, Leak
from bullbear.audit.series import Series, readers_of
from bullbear.audit.subject import Effort, Subject
from bullbear.data.store import Store
from bullbear.dataset import splitter_of
from bullbear.dataset.predictions import COMBINED, KEY
from bullbear.errors import HistoryError
from bullbear.learn import Training
from bullbear.sessions import closes

NAME = "truncation"
WHY = "from what was known that day"
_FITS = 4
_YEARS = 6
"""Of a training on both stores."""


def check(subject: Subject, effort: Effort, progress: Callable[[int, int], None]) -> CheckResult:
    """Make the check."""
    sessions = cuts(subject, effort)
    done = 0
    steps = len(sessions) + 2
    leaks: list[Leak] = []
    forecasts = 0
    series = readers_of(subject)
    for session in sessions:
        instant = closes(pd.DatetimeIndex([session]))[0]
        store = subject.changed(Removed(instant))
        leaks += served_too_early(subject.store, store, series, instant)
        leaks += _rows(subject, store, instant)
        if subject.bundles and (today := replayed(subject, store, session)) is not None:
            leaks += forecast_leaks(subject, today, session, WHY)
            forecasts += len(compared(subject, today))
        progress(done := done + 1, steps)
    # The examples of each cut have the model's factors already; a closer look takes most of the time.
    closer = [spec for spec in subject.specs if not effort.is_quick or spec.name not in subject.examples[0].X]
    found = truncation(
        subject.store, closer, subject.index, subject.ticker,
        whole=subject.factors, spread=pd.DatetimeIndex(sessions) if effort.is_quick else None,
    )  # fmt: skip
    leaks += [of_finding(each) for each in found]
    progress(done := done + 1, steps)
    fits = 0
    for leak in _fits(subject, effort) if len(reported_sessions(subject)) else _trainings(subject, effort):
        fits += 1
        leaks += [leak] if leak is not None else []
    progress(steps, steps)
    figures = {
        "cuts": len(sessions),
        "factors": len(subject.specs),
        "forecasts": forecasts,
        "fits": fits,
        "days": [str(session.date()) for session in sessions],
    }
    clean = (
        f"{len(subject.specs)} factors, the labels, {forecasts} forecasts and {fits} fits match those from the store "
        f"cut on their day ({len(sessions)} cuts)"
    )
    if subject.bundles and not forecasts:
        clean += "; no forecast of the run could be compared"
    return CheckResult.of(NAME, first_of_each(leaks), clean, "later data change earlier results", **figures)


def cuts(subject: Subject, effort: Effort) -> list[pd.Timestamp]:
    """The sessions after which the store is cut: spread over the run's forecasts, else over the later history."""
    among = reported_sessions(subject)
    if not len(among):
        among = subject.index[len(subject.index) // 4 :]
    among = among.intersection(subject.index)
    places = np.unique(np.linspace(0, len(among) - 1, effort.cuts + 1).astype(int))
    return [among[place] for place in (places[1:] if len(places) > 1 else places)]


def served_too_early(store: Store, cut: Store, series: Mapping[Series, object], instant: pd.Timestamp) -> list[Leak]:
    """The series of which the store serves at an instant other rows than a copy of it made then has."""
    found = []
    whole, then = store.as_of(instant), cut.as_of(instant)
    for kind, name in series:
        one, other = whole.arrays(kind, name), then.arrays(kind, name)
        same = np.array_equal(one.known_at, other.known_at) and all(
            np.array_equal(values, other.numbers[column], equal_nan=True) for column, values in one.numbers.items()
        )
        if not same:
            what, at, rows = f"{kind} of {name}", f"{instant:%Y-%m-%d %H:%M}", float(abs(len(one) - len(other)))
            sentence = f"{what}: {len(one):,} rows served at {at} UTC, but {len(other):,} or different ones were known"
            found.append(Leak(what, at, rows, sentence))
    return found


def _rows(subject: Subject, store: Store, instant: pd.Timestamp) -> Iterator[Leak]:
    specs = [spec for each in subject.feature_sets for spec in each.factor]
    try:
        examples = subject.examples_from(store, instant)
    except HistoryError:
        return
    for place, (target, whole, then) in enumerate(zip(subject.targets, subject.examples, examples, strict=True)):
        # The questions share their factors.
        yield from examples_differ(
            whole,
            then,
            instant,
            () if place else specs,
            question=target.question.name,
            check=NAME,
            why=WHY,
            is_cut=True,
        )


def _fits(subject: Subject, effort: Effort) -> Iterator[Leak | None]:
    for number, bundle in enumerate(subject.bundles.values()):
        if effort.is_quick and number:
            return
        fits = [fit for fit in bundle.trained_through()[1:] if pd.Timestamp(fit) <= subject.index[-1]]
        wanted = 1 if effort.is_quick else _FITS
        for place in np.unique(np.linspace(len(fits) - 1, 0, wanted, endpoint=False).astype(int)) if fits else ():
            yield fit_leak(subject, bundle, fits[place])


def _trainings(subject: Subject, effort: Effort) -> Iterator[Leak | None]:
    """What a training on all that is stored says until some day, and one on what was known at that day."""
    if not splitter_of(subject.definition).is_walk_forward:
        return
    short = subject.abridged(replace(effort, years=effort.years or _YEARS))
    session = subject.index[-1 - min(len(subject.index) // 2, 300)]
    instant = closes(pd.DatetimeIndex([session]))[0]
    end = str(session.date())
    whole = short.train(end=end)
    then = short.train(subject.examples_from(subject.changed(Removed(instant)), instant), end=end)
    for target, *pair in zip(subject.targets, whole, then, strict=True):
        yield from trainings_differ(target.question.name, *pair)


def trainings_differ(question: str, whole: Training, then: Training) -> Iterator[Leak | None]:
    """A result for each fit, and one for the forecasts."""
    models = {model.trained_through: model for model in then.models}
    for model in whole.models:
        other = models.get(model.trained_through)
        part = "the whole" if other is None else differing_part(model, other)
        at, what = f"{model.trained_through:%Y-%m-%d}", f"the fit of {question}"
        yield None if part is None else Leak(what, at, np.nan, f"{what}: {part} of {at} differ {WHY}")
    one, other_table = (each.predictions.select(member=COMBINED).table.set_index(list(KEY)) for each in (whole, then))
    numbers = ["p", "p_low", "p_high", "climatology"]
    both = one[numbers].join(other_table[numbers].add_suffix("_then"), how="outer")
    values = both.to_numpy()
    differs = ~((values[:, :4] == values[:, 4:]) | (np.isnan(values[:, :4]) & np.isnan(values[:, 4:]))).all(axis=1)
    if not differs.any():
        yield None
        return
    row = int(np.argmax(differs))
    at, what = f"{both.index[row][0]:%Y-%m-%d}", f"the forecast of {question}"
    size = abs(values[row, 0] - values[row, 4])
    yield Leak(what, at, size, f"{what}: {values[row, 0]:.10g} of {at}, but {values[row, 4]:.10g} {WHY}")
