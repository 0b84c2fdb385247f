"""Factors that look ahead, each in its own way, and a store or an engine that lets every factor do so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from tests.audit.mutants import Bench, mutant

from bullbear.audit.subject import FULL, Subject
from bullbear.data.changed import ChangedStore
from bullbear.data.versions import Columns, History, Versions
from bullbear.data.view import View
from bullbear.definitions import FactorSpec, FeatureSet
from bullbear.factors.engine import inputs, matrix
from bullbear.user_code import use_home

_HEAD = '''
import numpy as np
import pandas as pd
from bullbear.factors import Array, Bars, Releases, factor

def close(bars):
    return pd.Series(bars.close, pd.DatetimeIndex(bars.sessions))

@factor(unit="ratio", {options})
def mine({arguments}) -> Array:
    """A factor of one's own."""
    return np.asarray({body}, dtype=float)
'''
_DAY = 86_400_000_000


def own(
    bench: Bench,
    body: str,
    *,
    arguments: str = "bars: Bars",
    options: str = "lookback=1",
    series: dict[str, str] | None = None,
) -> Subject:
    """The clean subject that also reads a factor of the user's own."""
    (bench.folder / "factors").mkdir()
    (bench.folder / "factors" / "mine.py").write_text(_HEAD.format(body=body, arguments=arguments, options=options))
    use_home(bench.folder)
    return reading(bench, FactorSpec(name="mine_1", function="mine", inputs=series or {"bars": "$asset"}))


def remembered(name: str) -> str:
    """The body of a factor `name`: tomorrow's return, from the longest history of which its module knows."""
    ahead = "dict(zip(bars.sessions.tolist(), np.append(bars.close[1:] / bars.close[:-1] - 1.0, np.nan).tolist()))"
    known = f"{name}.__globals__.setdefault('MEMO', {ahead})"
    return f"(lambda known: np.array([known.get(each, np.nan) for each in bars.sessions.tolist()]))({known})"


def reading(bench: Bench, *specs: FactorSpec) -> Subject:
    """The clean subject that also reads some factors."""
    added = FeatureSet(name="added", why="To be looked at.", factor=list(specs))
    return replace(bench.subject, feature_sets=(*bench.subject.feature_sets, added))


def macro(series: str) -> FactorSpec:
    """The last value published of a series."""
    return FactorSpec(name="macro", function="last_known", inputs={"level": series})


# Whole histories where there may be a past only.


@mutant("perturbation", says=r"mine_1: \S+ on 200\d-\d\d-\d\d, but \S+ after .* had been changed")
def normalised_by_the_full_sample(bench: Bench) -> Subject:
    """Mean and deviation of all closes, of later ones, too."""
    return own(bench, "(close(bars) - close(bars).mean()) / close(bars).std()")


@mutant("perturbation", says=r"mine_1: .* after the row of IWM of .*, published .* UTC, had been changed")
def centred_window(bench: Bench) -> Subject:
    """A moving average with as many days after as before."""
    return own(bench, "close(bars) / close(bars).rolling(5, center=True, min_periods=1).mean()")


@mutant("truncation", says=r"mine_1: \S+ on \S+, but nan from what was known that day", effort=FULL)
def filled_backwards(bench: Bench) -> Subject:
    """A gap of a week filled from the day that ends it."""
    gap = "close(bars).pct_change().where(np.arange(len(bars.close)) % 100 < 95).bfill()"
    return own(bench, gap)


@mutant("perturbation", says=r"mine_1: .* after the row of IWM of .* had been changed")
def shifted_backwards(bench: Bench) -> Subject:
    """The return of tomorrow."""
    return own(bench, "close(bars).shift(-1) / close(bars) - 1.0")


@mutant("truncation", says=r"mine_1: \S+ on \S+, but \S+ from what was known that day")
def memo_of_the_first_call(bench: Bench) -> Subject:
    """Tomorrow's return by session, remembered at the first call, which a training makes on the whole history."""
    return own(bench, remembered("mine"))


@mutant("perturbation", says=r"mine_1: .* after the row of IWM of .* had been changed")
def one_bar_ahead_where_there_is_one(bench: Bench) -> Subject:
    """Tomorrow's high where the history knows it; at its last row, which a cut shows, as it should be."""
    return own(bench, "np.append(np.maximum(bars.high[1:], bars.high[:-1]), bars.high[-1:]) / bars.close")


@mutant("perturbation", says=r"mine_1: \S+ on")
def scaled_by_later_extremes(bench: Bench) -> Subject:
    """A score between the smallest and the largest return of all years."""
    body = "(lambda r: (r - r.mean()) / (r.max() - r.min()))(close(bars).pct_change())"
    return own(bench, body)


@mutant("perturbation", says=r"mine_1: (0|1|-1) on \S+, but (0|1|-1) after")
def sign_of_tomorrow(bench: Bench) -> Subject:
    """Only the sign of the bar's body tomorrow, which a common multiple of its prices leaves as it is."""
    return own(bench, "np.sign(np.append(bars.close[1:] - bars.open[1:], 0.0))")


@mutant("perturbation", says=r"mine_1: \S+ on")
def rank_among_all_years(bench: Bench) -> Subject:
    """The rank of a return among all, later ones included."""
    return own(bench, "close(bars).pct_change().rank(pct=True)")


@mutant("perturbation", says=r"mine_1: .* after the row of SPY of .* had been changed")
def one_series_of_two_ahead(bench: Bench) -> Subject:
    """The fund against another one, whose close is tomorrow's."""
    body = "close(bars).pct_change().to_numpy() - close(other).pct_change().shift(-1).to_numpy()"
    series = {"bars": "$asset", "other": "SPY"}
    return own(bench, body, arguments="bars: Bars, other: Bars", options="lookback=1", series=series)


@mutant("truncation", says=r"mine_1: 1 on \S+, but 0 from what was known that day")
def looks_whether_a_row_exists(bench: Bench) -> Subject:
    """One where there is a tomorrow, whatever it brings."""
    return own(bench, "np.arange(len(bars.close)) < len(bars.close) - 1")


@mutant("perturbation", says=r"mine_1: .* had been changed")
def weeks_labelled_at_their_left_edge(bench: Bench) -> Subject:
    """The close of each week, given to all of its days."""
    weekly = "close(bars).resample('W-FRI', label='left', closed='right').last()"
    body = f"close(bars) / (lambda w: w.reindex(close(bars).index, method='ffill'))({weekly})"
    return own(bench, body)


@mutant("perturbation", says=r"mine_1: .* after splits and dividends of IWM to come had halved its past prices")
def level_of_adjusted_prices(bench: Bench) -> Subject:
    """The logarithm of the adjusted close: low where much was paid and split later."""
    return own(bench, "np.log(bars.close)")


@mutant("perturbation", says=r"mine_1: .* had been (changed|taken away)")
def universe_of_today(bench: Bench) -> Subject:
    """The return of those sectors alone that are above their first price at the end of history."""
    body = (
        "np.nanmean([close(b).pct_change(21).to_numpy() if b.close[-1] > b.close[0] else np.full(len(b.close), np.nan)"
        " for b in (bars, second, third)] + [np.zeros(len(bars.close))], axis=0)"
    )
    series = {"bars": "XLK", "second": "XLE", "third": "XLU"}
    return own(bench, body, arguments="bars: Bars, second: Bars, third: Bars", series=series)


# Look-backs.


@mutant("warm-up", says=r"mine_1: .* from its look-back of 20 rows")
def look_back_too_short(bench: Bench) -> Subject:
    """A return over twenty sessions needs twenty-one closes."""
    body = "close(bars).pct_change(20).fillna(0.0)"
    return own(bench, body, options="lookback=20, windowed=True")


@mutant("warm-up", says=r"mine_1: .* from its look-back of 10 rows \(\S+ standard deviations\)")
def recursion_that_has_not_settled(bench: Bench) -> Subject:
    """An exponential average that is believed long before it has forgotten its start."""
    return own(bench, "close(bars) / close(bars).ewm(span=50, adjust=False).mean()", options="lookback=10")


@mutant("warm-up", says=r"rsi_14: .*, before its look-back of \d+ rows is covered")
def values_before_the_look_back(bench: Bench) -> Subject:
    """The engine serves whatever a function says of its first rows."""

    def unmasked(request: Any, feed: Any, first: int, last: int) -> np.ndarray:
        return matrix._called(request, feed(0, last + 1), last + 1)[first:].copy()

    bench.patch.setattr(matrix, "_values", unmasked)
    return bench.subject


# Publication: what the store or the engine serves too early.


@dataclass(frozen=True)
class Revised:
    """Each value of a series is a tenth larger sixty days after its first release."""

    series: str

    def touches(self, kind: str, series: str) -> bool:
        return kind == "observations" and series == self.series

    def rows(self, kind: str, series: str, frame: pd.DataFrame) -> pd.DataFrame:
        later = frame.assign(known_at=frame["known_at"] + pd.Timedelta(days=60), value=1.1 * frame["value"])
        return pd.concat([frame, later], ignore_index=True)


@mutant("truncation", says=r"macro: \S+ on \S+, but \S+ from what was known that day")
def revised_value_in_the_place_of_the_first(bench: Bench) -> Subject:
    """The first release of a period is given the value of its latest revision."""
    plain = View.arrays

    def latest(self: View, kind: str, series: str) -> Versions:
        versions = plain(self, kind, series)
        if kind != "observations" or not len(versions):
            return versions
        last = pd.Series(versions.numbers["value"]).groupby(versions.event_date).transform("last")
        columns = {name: getattr(versions, name).view("datetime64[us]") for name in ("event_date", "known_at")}
        return History({**columns, "value": last.to_numpy(np.float64)}).whole

    bench.patch.setattr(View, "arrays", latest)
    subject = reading(bench, macro("PAYEMS"))
    return replace(subject, store=ChangedStore(bench.subject.store, Revised("PAYEMS")))


@mutant("truncation", says=r"macro: \S+ on \S+, but \S+ from what was known that day")
def macro_data_dated_by_its_period(bench: Bench) -> Subject:
    """A value counts from the day of its period on, not from its publication."""
    plain = inputs.last_known

    def by_period(versions: Versions) -> inputs.States:
        states = plain(versions)
        return replace(states, known_at=np.minimum(states.known_at, states.event_date + 30 * _DAY))

    bench.patch.setattr(inputs, "last_known", by_period)
    return reading(bench, macro("GDPC1"))


@mutant("perturbation", says=r"vix: .* after the row of VIXCLS of .*, published .*, had been changed")
def next_release_in_the_place_of_the_newest(bench: Bench) -> Subject:
    """What was published last is the release after it."""

    def newest(versions: Versions) -> Columns:
        row = np.minimum(np.arange(len(versions)) + 1, len(versions) - 1)
        return versions.event_date, np.column_stack([column[row] for column in versions.numbers.values()])

    bench.patch.setattr(inputs, "_newest_values", newest)
    return bench.subject


@mutant("truncation", says=r"\S+ of \S+: [\d,]+ rows served at .* UTC, but [\d,]+ or different ones were known")
def store_a_day_ahead(bench: Bench) -> Subject:
    """The store serves at an instant what becomes known within a day."""
    plain = History.until

    def a_day_later(self: History, instant: int) -> Versions:
        return plain(self, instant + _DAY)

    bench.patch.setattr(History, "until", a_day_later)
    return bench.subject


@mutant("truncation", says=r"\S+ of \S+: [\d,]+ rows served at .* UTC, but [\d,]+ or different ones were known")
def store_without_publication(bench: Bench) -> Subject:
    """The store serves all that it has at any instant."""
    bench.patch.setattr(History, "until", lambda self, instant: self.whole)
    return bench.subject


@mutant("truncation", says=r"the label of up: .* from what was known that day")
def frames_without_publication(bench: Bench) -> Subject:
    """Frames, from which labels are made, have later bars, too; and the clock is that of the last one."""
    plain = View.versions

    def every(self: View, kind: str, series: str) -> pd.DataFrame:
        whole = bench.subject.store.as_of()
        self.instant = whole.instant
        return plain(whole, kind, series)

    bench.patch.setattr(View, "versions", every)
    return bench.subject
