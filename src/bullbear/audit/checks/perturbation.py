"""Perturbation: whatever becomes known after a close is replaced by noise, and nothing up to that close moves.

One bar at a time, one series, one family of data, and everything at once; rows are also taken away, since a factor may
look only whether there is one. That catches what a cut store hides, a leak that behaves at the last row. Of a model
that reads breadth the same is done to every company and to the lists of holdings, and who was a member must not move
either; where companies are stored, nor may the facts and ratings of a sample of the fund's members. At last the prices
of each ticker are restated as later splits and dividends restate them: no factor may read their level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from bullbear.audit.changes import Noise, Restated, Thinned
from bullbear.audit.examples_compared import examples_differ, first_of_each, of_finding
from bullbear.audit.factors.finding import Finding, first_difference
from bullbear.audit.panel import company_leaks, membership_of, panel_leaks
from bullbear.audit.replays.forecasts import forecast_leaks, forecasts_from, reported_sessions
from bullbear.audit.result import CheckResult, Leak
from bullbear.audit.series import Series, readers_of, stored_as
from bullbear.audit.subject import Effort, Subject
from bullbear.data.changed import Change
from bullbear.data.store import Store
from bullbear.definitions import FactorSpec
from bullbear.errors import NoDataError
from bullbear.factors import compute
from bullbear.factors.engine.inputs import microseconds
from bullbear.forecasting.close import close_of
from bullbear.group.breadth_table import KIND as BREADTH
from bullbear.sessions import closes

NAME = "perturbation"
_BEYOND = 63
"""Sessions after a cut on which factors are computed, too: a function sees no rows beyond the last one asked for."""
_MONTH = 21
"""Sessions between two looks at who was a member."""
_LEVEL = 1e-6
"""How far a factor may move when prices are restated, in its standard deviations: logarithms round."""


def check(subject: Subject, effort: Effort, progress: Callable[[int, int], None]) -> CheckResult:
    """Make the check."""
    readers = readers_of(subject)
    days = cuts(subject, 2 if effort.is_quick else effort.cuts)
    few = cuts(subject, effort.series_cuts)
    families = families_of(subject, list(readers))
    single = len(readers) * len(few)
    steps = single + len(days) + 1
    done = 0
    leaks: list[Leak] = []
    for day in few:
        for series, specs in readers.items():
            leaks += _of_series(subject, series, specs, day, whole_series=not effort.is_quick)
            progress(done := done + 1, steps)
        for family, members in families.items():
            specs = list({spec.name: spec for each in members for spec in readers[each]}.values())
            change = Noise(_close(day), frozenset().union(*map(stored_as, members)))
            why = f"after every {family} published after {_at(_close(day))} had been changed"
            leaks += [of_finding(each, why) for each in _moved(subject, change, specs, day)]
    for number, day in enumerate(days):
        leaks += _everything(subject, day, thinned=number % 2 == 1)
        progress(done := done + 1, steps)
    leaks += _inside(subject, readers, few)
    companies, inside = (0, []) if effort.is_quick else company_leaks(subject.store, subject.ticker, subject.index, few)
    leaks += inside
    of_bars = {name: specs for (kind, name), specs in readers.items() if kind == "bars"}
    leaks += _levels(subject, of_bars, subject.index[: len(subject.index) // 3] if effort.is_quick else subject.index)
    progress(steps, steps)
    clean = (
        f"no factor ({len(subject.specs)}), label or forecast changed when later data were changed: "
        f"all of it at {len(days)} cuts, each of {len(readers)} series and its next row alone at {len(few)}"
    )
    if companies:
        clean += f"; nor did facts or ratings of {companies} companies of {subject.ticker}"
    return CheckResult.of(
        NAME,
        first_of_each(leaks),
        clean,
        "later data change earlier results",
        factors=len(subject.specs),
        series=len(readers),
        families=list(families),
        companies=companies,
        days=[str(day.date()) for day in days],
    )


def _inside(subject: Subject, readers: Iterable[Series], days: Sequence[pd.Timestamp]) -> list[Leak]:
    """Leaks into the membership of the funds whose companies the model reads."""
    lines = {f"membership of {fund}": membership_of(fund) for kind, fund in readers if kind == BREADTH}
    return panel_leaks(subject.store, lines, subject.index[::_MONTH], days, truncated=False) if lines else []


def cuts(subject: Subject, count: int) -> list[pd.Timestamp]:
    """Sessions after which the future is changed, spread over the run's forecasts or the later history.

    They fall on different days of the week and of the month, every third on a month's last: what is dated by the end of
    its week or its month leaks on the days before it alone.
    """
    among = reported_sessions(subject).intersection(subject.index)
    if not len(among):
        among = subject.index[len(subject.index) // 4 :]
    among = among[: len(among) - min(_BEYOND, len(among) // 2)]
    places = [int(share * (len(among) - 1)) for share in np.linspace(0.0, 1.0, 2 * count + 1)[1::2]]
    last = np.flatnonzero(np.append(among.month[1:] != among.month[:-1], False))
    found = []
    for number, place in enumerate(places):
        if number % 3 == 2 and len(last):
            place = int(last[np.argmin(np.abs(last - place))])
        elif among[place].day_of_week == 4 and place:  # the last day of a week hides what is dated by the week's end
            place -= 1 + number % 3
        found.append(among[max(place, 0)])
    return found


def families_of(subject: Subject, series: Sequence[Series]) -> dict[str, list[Series]]:
    """The series by the kind of data: the fund's bars, other bars, and each other kind of the store."""
    found: dict[str, list[Series]] = {}
    for each in series:
        kind, name = each
        family = f"bar of {name}" if kind == "bars" and name == subject.ticker else _NAMES.get(kind, f"row of {kind}")
        found.setdefault(family, []).append(each)
    return found


_NAMES = {
    "bars": "bar of another ticker",
    "observations": "macro release",
    "short_interest": "report of short interest",
    "short_volume": "report of short volume",
    "breadth": "list of holdings and row of a company",
}


def _close(day: pd.Timestamp) -> pd.Timestamp:
    return closes(pd.DatetimeIndex([day]))[0]


def _at(instant: pd.Timestamp) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def _of_series(
    subject: Subject, series: Series, specs: Sequence[FactorSpec], day: pd.Timestamp, *, whole_series: bool
) -> Iterator[Leak]:
    """Leaks of one series: of its next row alone, then of all its later rows."""
    kind, name = series
    instant = _close(day)
    row = _next_row(subject, series, instant)
    if row is None or not specs:
        return
    event, known = row
    one = f"after the row of {name} of {event:%Y-%m-%d}, published {_at(known)}, had been changed"
    for finding in _moved(subject, Noise(instant, stored_as(series), rows_changed=1), specs, day):
        yield of_finding(finding, one)
    if whole_series:
        every = f"after the rows of {name} ({kind}) published after {_at(instant)} had been changed"
        for finding in _moved(subject, Noise(instant, stored_as(series), seed=2), specs, day):
            yield of_finding(finding, every)


def _next_row(subject: Subject, series: Series, instant: pd.Timestamp) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """Day and publication of the first row known after an instant."""
    versions = subject.view.arrays(*series)
    row = int(np.searchsorted(versions.known_at, microseconds(pd.DatetimeIndex([instant]))[0], side="right"))
    if row == len(versions):
        return None
    event, known = (pd.Timestamp(int(each[row]), unit="us") for each in (versions.event_date, versions.known_at))
    return event, known.tz_localize("UTC")


def _moved(subject: Subject, change: Change, specs: Sequence[FactorSpec], day: pd.Timestamp) -> Iterator[Finding]:
    """The first row up to a day of each factor that moves with a change of what became known later."""
    if not specs:
        return
    (row,) = subject.index.get_indexer(pd.DatetimeIndex([day]))
    index = subject.index[: row + 1 + _BEYOND]
    then = compute(subject.changed(change).as_of(), specs, index, subject.ticker)
    for spec in specs:
        columns = (each[spec.name].iloc[: row + 1] for each in (subject.factors, then))
        difference = first_difference(spec, NAME, *columns)
        if difference is not None:
            yield difference


def _everything(subject: Subject, day: pd.Timestamp, *, thinned: bool) -> Iterator[Leak]:
    """Leaks into the examples and the forecast of a day, everything known later being changed or half of it gone."""
    instant = _close(day)
    change: Change = Thinned(instant) if thinned else Noise(instant, seed=3)
    taken = (
        "half of the rows published after {} had been taken away"
        if thinned
        else "every row published after {} had been changed"
    )
    why = f"after {taken.format(_at(instant))}"
    store: Store = subject.changed(change)
    in_examples = [spec for each in subject.feature_sets for spec in each.factor]
    names = {spec.name for spec in in_examples}
    for finding in _moved(subject, change, [spec for spec in subject.specs if spec.name not in names], day):
        yield of_finding(finding, why)
    for place, (target, whole, then) in enumerate(
        zip(subject.targets, subject.examples, subject.examples_from(store), strict=True)
    ):
        # The questions share their factors.
        specs, question = () if place else in_examples, target.question.name
        yield from examples_differ(whole, then, instant, specs, question=question, check=NAME, why=why, is_cut=False)
    if subject.bundles:
        try:
            at = close_of(store, subject.targets[0], str(day.date()))
        except NoDataError:
            return
        today = forecasts_from(subject, at, store.as_of())
        if today is not None:
            yield from forecast_leaks(subject, today, day, why)


def _levels(subject: Subject, readers: dict[str, list[FactorSpec]], index: pd.DatetimeIndex) -> Iterator[Leak]:
    """Factors that read the level of prices that are adjusted for what is paid and split later."""
    for ticker, specs in readers.items():
        if not specs or not _is_adjusted(subject, ticker):
            continue
        then = compute(subject.changed(Restated(ticker)).as_of(), specs, index, subject.ticker)
        for spec in specs:
            one, other = (each[spec.name].to_numpy() for each in (subject.factors.iloc[: len(index)], then))
            allowed = _LEVEL * max(1.0, float(np.nanstd(one))) if (~np.isnan(one)).any() else 0.0
            moved = ~((np.abs(one - other) <= allowed) | (np.isnan(one) & np.isnan(other)))
            if moved.any():
                row = int(np.argmax(moved))
                day, sizes = index[row], (float(one[row]), float(other[row]))
                why = f"after splits and dividends of {ticker} to come had halved its past prices"
                yield of_finding(Finding(spec.name, spec.function, NAME, day, *sizes), why)


def _is_adjusted(subject: Subject, ticker: str) -> bool:
    """Whether a ticker has paid dividends; of one that never did, such as an index, the level has a meaning."""
    numbers = subject.view.arrays("bars", ticker).numbers
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = numbers["adj_close"] / numbers["close"]
    ratio = ratio[np.isfinite(ratio)]
    return bool(len(ratio) and np.ptp(ratio) > 1e-6)
