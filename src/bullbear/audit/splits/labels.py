"""Labels, paths, base rates and overlaps once more, by plain expressions from the stored bars: the oracle of the audit.

Nothing of `dataset` is used here but the record that is compared. Two ways to one number that share a mistake are less
likely than one way that has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.audit.result import Leak
from bullbear.data.view import View
from bullbear.dataset import Examples
from bullbear.definitions import Question

TOLERANCE = 1e-12
"""How far numbers that are summed in another order may lie apart."""


@dataclass(frozen=True)
class PlainLabels:
    """The labels of a question about one asset, by session.

    `table` has the columns decided_at, resolved_at, known_at (of the whole path), decidable, y and y_final; `returns`
    the daily log returns of each path, shape (n, horizon); `unsure` says which outcomes lie on the threshold.
    """

    table: pd.DataFrame
    returns: np.ndarray
    unsure: np.ndarray


def plain_labels(view: View, asset: str, question: Question) -> PlainLabels:
    """The labels of every session that `view` knows."""
    versions, horizon = view.versions("bars", asset), question.horizon
    first = versions.drop_duplicates("event_date").set_index("event_date").sort_index()
    newest = versions.drop_duplicates("event_date", keep="last").set_index("event_date").sort_index()
    end = sessions.between(first.index[-1] - pd.Timedelta(days=14), first.index[-1])[-1]
    days = sessions.between(first.index[0], sessions.offset(end, horizon))
    n = len(days) - horizon
    close = pd.Series(sessions.closes(days), days)
    known = first["known_at"].reindex(days)
    known = known.where(known > close, close)
    decidable = (first["known_at"].reindex(days) <= close) & first["adj_close"].reindex(days).notna()
    ahead = range(horizon + 1)
    instants = pd.DatetimeIndex(known).as_unit("us").asi8
    by_step = np.column_stack([instants[step : step + n] for step in ahead])
    whole = by_step.max(axis=1)
    resolved = whole if question.reads_path else np.maximum(by_step[:, 0], by_step[:, -1])
    has_come = pd.Timestamp(view.instant).as_unit("us")
    outcome = _outcome(question, _as_known(versions, days, resolved, horizon))
    final = newest["adj_close"].reindex(days).to_numpy()
    outcome_final = _outcome(question, np.column_stack([final[step : step + n] for step in ahead]))
    table = pd.DataFrame(
        {
            "decided_at": pd.DatetimeIndex(close)[:n],
            "resolved_at": _instants(resolved),
            "known_at": _instants(whole),
            "decidable": decidable.to_numpy()[:n],
        },
        index=days[:n],
    )
    table["y"] = np.where(table["resolved_at"] <= has_come, _answer(question, outcome), np.nan)
    table["y_final"] = np.where(table["resolved_at"] <= has_come, _answer(question, outcome_final), np.nan)
    returns = np.diff(np.log(_as_known(versions, days, whole, horizon)), axis=1)
    late = np.asarray(table["known_at"] > has_come) | np.isnan(returns).any(axis=1)
    returns[late] = np.nan
    unsure = np.abs(outcome - question.threshold) < TOLERANCE
    return PlainLabels(table, returns, unsure | (np.abs(outcome_final - question.threshold) < TOLERANCE))


def plain_base_rate(labels: pd.DataFrame) -> pd.DataFrame:
    """The share of yes and the number among the labels that had resolved at each decision, by session."""
    resolved = labels[["resolved_at", "y"]].dropna().sort_values("resolved_at", kind="stable")
    resolved["n"], resolved["yes"] = np.arange(1, len(resolved) + 1), resolved["y"].cumsum()
    decisions = labels[["decided_at"]].reset_index()
    joined = pd.merge_asof(
        decisions, resolved[["resolved_at", "n", "yes"]], left_on="decided_at", right_on="resolved_at"
    )
    count = joined["n"].fillna(0).astype(int)
    return pd.DataFrame({"climatology": joined["yes"] / joined["n"], "n_resolved": count}).set_axis(labels.index)


def plain_uniqueness(session: np.ndarray, horizon: int) -> np.ndarray:
    """The mean over each label's life of one over the labels alive, from the number of its session; shape (n,)."""
    begin = session - session.min(initial=0)
    alive = np.zeros(begin.max(initial=0) + horizon + 1)
    for each in begin:
        alive[each + 1 : each + horizon + 1] += 1.0
    return np.array([np.mean(1.0 / alive[each + 1 : each + horizon + 1]) for each in begin])


def label_leaks(view: View, question: Question, examples: Examples) -> Iterator[Leak]:
    """Where the examples of a question differ from labels made anew; of each column and asset the first row."""
    for asset in map(str, np.unique(examples.asset)):
        own = np.flatnonzero(examples.asset == asset)
        plain = plain_labels(view, asset, question)
        days = examples.session[own]
        if not days.equals(pd.DatetimeIndex(plain.table.index)):
            sentence = f"the sessions of {asset} are not those of its bars and the exchange"
            yield Leak("labels", f"{days[0]:%Y-%m-%d}", float("nan"), sentence)
            continue
        yield from _differences(question, asset, examples, own, plain)


def _differences(
    question: Question, asset: str, examples: Examples, own: np.ndarray, plain: PlainLabels
) -> Iterator[Leak]:
    table, days, of = plain.table, examples.session[own], f"{question.name} of {asset}"
    for name, found, what in (
        ("decided_at", examples.decided_at, "is decided"),
        ("resolved_at", examples.resolved_at, "resolves"),
    ):
        wrong = np.flatnonzero(np.asarray(found[own] != pd.DatetimeIndex(table[name])))
        if len(wrong):
            row = wrong[0]
            late = (found[own[row]] - table[name].iloc[row]) / pd.Timedelta(days=1)
            where = "the close" if name == "decided_at" else f"the close {question.horizon} sessions later is known"
            sentence = (
                f"the label {of} on {days[row]:%Y-%m-%d} {what} at {found[own[row]]:%Y-%m-%d %H:%M}, "
                f"but {where} at {table[name].iloc[row]:%Y-%m-%d %H:%M}"
            )
            yield Leak("labels", f"{days[row]:%Y-%m-%d}", float(late), sentence)
    rate, never = plain_base_rate(table), np.zeros(len(own), dtype=bool)
    uniqueness = plain_uniqueness(np.arange(len(own)), question.horizon)
    count = rate["n_resolved"].to_numpy(float)
    columns = [
        ("y", examples.y[own], table["y"].to_numpy(), plain.unsure, "label"),
        ("y_final", examples.y_final[own], table["y_final"].to_numpy(), plain.unsure, "final label"),
        ("decidable", examples.decidable[own].astype(float), table["decidable"].to_numpy(float), never, "decidable"),
        ("climatology", examples.climatology[own], rate["climatology"].to_numpy(), never, "base rate"),
        ("n_resolved", examples.n_resolved[own], count, never, "number of resolved labels"),
        ("weights", examples.weights[own], uniqueness, never, "uniqueness"),
    ]
    for name, found_values, expected, unsure, what in columns:
        wrong = np.flatnonzero(_differ(found_values, expected) & ~unsure)
        if len(wrong):
            row = wrong[0]
            yield _leak(name, of, days[row], found_values[row], expected[row], what)
    if examples.paths is not None:
        late = np.flatnonzero(np.asarray(examples.paths.known_at[own] != pd.DatetimeIndex(table["known_at"])))
        if len(late):
            found_at, expected_at = examples.paths.known_at[own[late[0]]], table["known_at"].iloc[late[0]]
            sentence = (
                f"the path of {asset} from {days[late[0]]:%Y-%m-%d} on counts as known at "
                f"{found_at:%Y-%m-%d %H:%M}, but its last close is known at {expected_at:%Y-%m-%d %H:%M}"
            )
            yield Leak("paths", f"{days[late[0]]:%Y-%m-%d}", float("nan"), sentence)
        wrong = np.flatnonzero(_differ(examples.paths.returns[own], plain.returns).any(axis=1))
        if len(wrong):
            sentence = f"the path of {asset} from {days[wrong[0]]:%Y-%m-%d} on is not that of its closes"
            yield Leak("paths", f"{days[wrong[0]]:%Y-%m-%d}", float("nan"), sentence)


def _leak(name: str, of: str, day: pd.Timestamp, found: float, expected: float, what: str) -> Leak:
    kind = "labels" if name in ("y", "y_final", "decidable") else {"weights": "weights"}.get(name, "base rate")
    sentence = f"the {what} {of} on {day:%Y-%m-%d} is {found:.10g}, but {expected:.10g} from the bars known by then"
    return Leak(kind, f"{day:%Y-%m-%d}", float(abs(found - expected)), sentence)


def _differ(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    gap = np.abs(found - expected) > TOLERANCE * np.maximum(1.0, np.abs(expected))
    return np.asarray(gap | (np.isnan(found) != np.isnan(expected)))


def _as_known(versions: pd.DataFrame, days: pd.DatetimeIndex, at: np.ndarray, horizon: int) -> np.ndarray:
    """The closes from each decision to the end of its horizon, in the last version known at the instants `at`, or the
    first of all; shape (n, horizon + 1)."""
    price = versions.drop_duplicates("event_date").set_index("event_date")["adj_close"].reindex(days).to_numpy()
    n = len(days) - horizon
    paths = np.column_stack([price[step : step + n] for step in range(horizon + 1)])
    corrections = versions[versions.duplicated("event_date")].sort_values("known_at", kind="stable")
    place = {day: number for number, day in enumerate(days)}
    for day, known, close in zip(
        corrections["event_date"], corrections["known_at"], corrections["adj_close"], strict=True
    ):
        instant = pd.Timestamp(known).as_unit("us").value // 1000
        for step in range(horizon + 1):
            row = place.get(day, -1) - step
            if 0 <= row < n and instant <= at[row]:
                paths[row, step] = close
    return paths


def _outcome(question: Question, paths: np.ndarray) -> np.ndarray:
    """What decides a question of a known kind; shape (n,)."""
    closes = pd.DataFrame(paths)
    begin, end, within = closes[0], closes[question.horizon], closes.loc[:, 1:]
    change = closes.transform(np.log).diff(axis="columns").loc[:, 1:]
    outcome = {
        "return_above": lambda: end / begin - 1.0,
        "return_below": lambda: end / begin - 1.0,
        "move": lambda: (end / begin - 1.0).abs(),
        "dip": lambda: within.min(axis=1, skipna=False) / begin - 1.0,
        "rally": lambda: within.max(axis=1, skipna=False) / begin - 1.0,
        "volatility": lambda: (252.0 * (change**2).mean(axis=1, skipna=False)) ** 0.5,
    }[question.kind]()
    return np.asarray(outcome, dtype=np.float64)


def _answer(question: Question, outcome: np.ndarray) -> np.ndarray:
    beyond = {"return_below": np.less, "dip": np.less_equal, "rally": np.greater_equal}.get(question.kind, np.greater)
    return np.where(np.isnan(outcome), np.nan, beyond(outcome, question.threshold).astype(float))


def _instants(microseconds: np.ndarray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(pd.to_datetime(microseconds, unit="us", utc=True)).as_unit("us")
