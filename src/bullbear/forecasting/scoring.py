"""Scoring the ledger: what became of the forecasts that were really made.

The record consists of live forecasts alone: those issued before the next session opened. A replay, made when the
outcome had begun to show or was known, is scored beside them and labelled as hindsight. Of several forecasts for one
day by one model (its definition's name, whatever the run) the first in the ledger counts: asking again until an answer
pleases changes no score. Each question has a record of its own; entries of an older version are of `up`.

Outcomes are decided by final prices, the latest version of each bar in the store: a wrong price that was corrected the
next morning must not stay the outcome for ever.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from bullbear.data.view import View
from bullbear.dataset.labels import Labels
from bullbear.definitions import UP, Question
from bullbear.definitions.questions import QUESTION_KINDS
from bullbear.errors import HistoryError
from bullbear.evaluate.scores import brier, brier_skill, log_loss, log_loss_skill
from bullbear.evaluate.significance import lower_bound
from bullbear.forecasting.ledger import LIVE, REPLAY, UNKNOWN, Ledger, kind_of_entry
from bullbear.forecasting.tracked_anchor import tracked_anchor
from bullbear.home import Home
from bullbear.sessions import day

_SCORES = ("brier", "brier_climatology", "bss", "bss_low", "bss_high", "log_loss", "log_loss_skill")


def score_ledger(home: Home, until: pd.Timestamp | None = None) -> dict[str, Any]:
    """Resolve every ledger entry whose label is known in the store, and score them.

    Forecasts of the simulated market are scored on a simulated store only, real ones on a real store only.

    Parameters
    ----------
    until
        Leave out forecasts of later closes, and outcomes that were not known by then; None for all.

    Returns
    -------
    dict
        Of `up`: entries, resolved, pending: counts over its entries. brier, brier_climatology, bss, log_loss,
        log_loss_skill: of the live record alone (None without a resolved live entry, bss and skill None where
        climatology was perfect). bss_low, bss_high: the 90 % interval of bss, None before four horizons of sessions
        have resolved. `live`, `replays` and `unknown` (entries of an older version, which did not record when they
        were issued), each with entries, repeated (left out, since the day and model has an earlier entry), resolved,
        pending and these scores. `statement`, the record in one sentence.
        Of all questions: `questions`, a list with the `question` and the same keys; `prices`, always "final";
        `anchors`, the number of entries that the head file and the tracking store confirm; `forecasts`, one record per
        entry with its `question` and its index, `entry`.

    Raises
    ------
    LedgerError
        The chain does not verify, or contradicts the head file or the tracking store.
    """
    ledger = Ledger(home.forecasts / "ledger.jsonl")
    entries = ledger.entries()
    head, tracked = ledger.head(), None
    with suppress(sqlite3.Error):  # `ledger verify` tells it
        tracked = tracked_anchor(home.runs)
    if tracked is not None:
        tracked.check(entries, "the MLflow store")
    store = home.filled_store()
    view = store.as_of(until)
    known = [each for each in entries if until is None or pd.Timestamp(each["decided_at"]) <= until]
    records = _records(known, view, simulated=store.is_simulated)
    questions = dict.fromkeys([UP.name, *(record["question"] for record in records)])
    by_question = {name: _of([each for each in records if each["question"] == name], view) for name in questions}
    return {
        "simulated": store.is_simulated,
        **by_question[UP.name],
        "questions": [{"question": name, **found} for name, found in by_question.items()],
        "prices": "final",
        "anchors": {"head": head.count if head else None, "tracking": tracked.count if tracked else None},
        "forecasts": records,
    }


def _of(records: list[dict[str, Any]], view: View) -> dict[str, Any]:
    """Counts and scores of one question's records."""
    kinds = {kind: _score([each for each in records if each["kind"] == kind]) for kind in (LIVE, REPLAY, UNKNOWN)}
    resolved = sum(record["y"] is not None for record in records)
    return {
        "entries": len(records),
        "resolved": resolved,
        "pending": len(records) - resolved,
        **{name: kinds[LIVE][name] for name in _SCORES},
        "live": kinds[LIVE],
        "replays": kinds[REPLAY],
        "unknown": kinds[UNKNOWN],
        "statement": _statement(records, kinds, view),
    }


def _records(entries: list[dict[str, Any]], view: View, *, simulated: bool) -> list[dict[str, Any]]:
    outcomes = _Outcomes(view)
    seen: set[tuple[str, ...]] = set()
    records = []
    for entry in entries:
        if bool(entry["data"].get("simulated")) != simulated:
            continue
        question, session, kind = _question(entry), day(entry["decided_at"]), kind_of_entry(entry)
        y = outcomes.of(entry["ticker"], question, session)
        asked = (question.name, question.kind, question.threshold, question.horizon)
        day_and_model = (kind, entry["ticker"], *map(str, asked), str(session.date()), str(entry["model"]["name"]))
        records.append(
            {
                "entry": entry["ledger"]["index"],
                "question": question.name,
                "ticker": entry["ticker"],
                "horizon_sessions": question.horizon,
                "decided_at": entry["decided_at"],
                "issued_at": entry.get("issued_at"),
                "kind": kind,
                "counts": day_and_model not in seen,
                "resolves_on": entry["resolves_on"],
                "model": entry["model"]["name"],
                "p": entry["p_up"] if question.name == UP.name else entry["p"],
                "climatology": entry["climatology"],
                "y": None if np.isnan(y) else int(y),
            }
        )
        seen.add(day_and_model)
    return records


class _Outcomes:
    """Final answers by ticker, question and session."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._labels: dict[str, Labels] = {}
        self._answers: dict[tuple[str, Question], pd.Series] = {}

    def of(self, ticker: str, question: Question, session: pd.Timestamp) -> float:
        """1, 0, or NaN while it is open."""
        key = (ticker, question)
        if key not in self._answers:
            if ticker not in self._labels:
                self._labels[ticker] = Labels(self._view, ticker)
            self._answers[key] = self._labels[ticker].resolve(question, final=True)["y"]
        return float(self._answers[key].get(session, np.nan))


def _question(entry: dict[str, Any]) -> Question:
    """What an entry asks: the question that it holds, else `up`."""
    if "asks" in entry:
        return QUESTION_KINDS.read(entry["asks"])
    return UP.model_copy(update={"horizon": entry["horizon_sessions"]})


def _score(records: list[dict[str, Any]]) -> dict[str, Any]:
    counted = [record for record in records if record["counts"]]
    due = [record for record in counted if record["y"] is not None]
    counts = {
        "entries": len(records),
        "repeated": len(records) - len(counted),
        "resolved": len(due),
        "pending": len(counted) - len(due),
    }
    if not due:
        return {**counts, **dict.fromkeys(_SCORES)}
    y, p, base = (np.array([record[key] for record in due], dtype=float) for key in ("y", "p", "climatology"))
    values = {"brier": brier(y, p), "brier_climatology": brier(y, base), "log_loss": log_loss(y, p)}
    # The base rate of a rare event may be 0: right on every day so far, or infinitely wrong by its logarithm.
    if values["brier_climatology"] > 0:
        values["bss"] = brier_skill(y, p, base)
    if 0 < log_loss(y, base) < np.inf:
        values["log_loss_skill"] = log_loss_skill(y, p, base)
    values |= _interval(due, y, p, base)
    return {
        **counts,
        **dict.fromkeys(_SCORES),
        **{name: value for name, value in values.items() if np.isfinite(value)},
    }


def _interval(due: list[dict[str, Any]], y: np.ndarray, p: np.ndarray, base: np.ndarray) -> dict[str, float]:
    """The 90 % interval of the Brier skill, from the two one-sided bounds; empty while too little has resolved.

    Sessions without a forecast are no rows: the lag, in rows, then reaches farther back than the labels overlap.
    """
    closes, session = np.unique([record["decided_at"] for record in due], return_inverse=True)
    order = np.argsort(session, kind="stable")
    horizon = max(record["horizon_sessions"] for record in due)
    rows = None if len(closes) == len(due) else session[order]
    y, p, base = y[order], p[order], base[order]
    try:
        low = lower_bound(y, p, base, horizon, error=0.05, session=rows)
        other = lower_bound(y, base, p, horizon, error=0.05, session=rows)
    except HistoryError:
        return {}
    par = brier(y, base)
    return {"bss_low": low.skill_low, "bss_high": 0.0 - other.low / par} if par > 0 else {}


def _statement(records: list[dict[str, Any]], kinds: dict[str, dict[str, Any]], view: View) -> str:
    if not records:
        return "No forecasts yet."
    live, replays, unknown = (kinds[kind] for kind in (LIVE, REPLAY, UNKNOWN))
    if live["entries"]:
        return f"Live record, one forecast per day and model: {live['resolved']} resolved, {live['pending']} pending."
    parts = []
    if replays["entries"]:
        parts.append(f"{_counted(replays, 'replay')} (hindsight: issued after the next session had opened)")
    if unknown["entries"]:
        parts.append(f"{_counted(unknown, 'forecast')} of an older version, which did not record the time of issue")
    ends = view.bars(records[-1]["ticker"]).index[-1].date()
    return f"No live record, only {' and '.join(parts)}; the stored data end on {ends}."


def _counted(group: dict[str, Any], noun: str) -> str:
    return f"{group['entries']} {noun}" + ("s" if group["entries"] != 1 else "")
