"""How old the parts of a forecast are: the data behind it, the model of each question, and the series that it lacks.

`notice` holds what a reader must know before anything else: that a champion's audit failed, that the exchange was
closed on the day asked for, or that the data end before today. A forecast for a past day that was asked for by
name needs no warning of old data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pandas as pd

from bullbear import sessions
from bullbear.data.as_of_session import closed_day
from bullbear.definitions import UP
from bullbear.errors import BullbearError
from bullbear.forecasting.card.sources import Sources
from bullbear.forecasting.failed_audits import failed_audits
from bullbear.settings import settings_of
from bullbear.wording import capital, count, long_date, short_date

_OF_A_TICKER = ("short_interest", "short_volume", "dividends", "holdings", "raw_bars", "splits")


def ages_of(sources: Sources) -> dict[str, Any]:
    """The key `ages`.

    Returns
    -------
    `data` and `model`, each with counts of sessions and a `sentence`; `models`, one a question; `series`, those absent
    or stale at the close; `notice`, sentences for the top of the card, usually none.
    """
    data = _data(sources)
    entries = _of_the_evening(sources)
    models = [_model(sources, row, entries.get(row["question"])) for row in _rows(sources.entry)]
    return {
        "data": data,
        "model": _together(models),
        "models": models,
        "series": _series(sources, entries.values()),
        "notice": [*(f"{capital(each)}." for each in failed_audits(sources.home)), *_notice(sources, data)],
    }


def _data(sources: Sources) -> dict[str, Any]:
    ticker = sources.entry["ticker"]
    bars = sources.store.as_of(stored=sources.stored).arrays("bars", ticker)
    last = pd.Timestamp(int(bars.event_date.max()), unit="us").as_unit("us")
    closed = sessions.last_closed(sources.now)
    behind = len(sessions.between(last + pd.Timedelta(days=1), closed)) if last < closed else 0
    old = behind > settings_of(sources.home.root).staleness.max_sessions_behind
    ago = _ago(behind, last, closed)
    if sources.store.is_simulated:
        old, sentence = False, f"The market is simulated; its last session is {long_date(last)}."
    elif behind == 0:
        sentence = f"The data reach the last session that has closed, {long_date(last)}."
    elif old:
        sentence = f"The data are old: the last bar of {ticker} is from {long_date(last)}, {ago}."
    else:
        passed = f"{count(behind, 'session')} {'has' if behind == 1 else 'have'}"
        sentence = f"The last bar of {ticker} is from {long_date(last)}; {passed} closed since."
    return {"last_session": str(last.date()), "sessions_behind": behind, "old": old, "sentence": sentence}


def _notice(sources: Sources, data: Mapping[str, Any]) -> list[str]:
    session, last = sources.session, sessions.day(data["last_session"])
    if sources.asked is not None:
        note = closed_day(sources.asked, session)
        return [] if note is None else [f"{capital(note)}."]
    lines = []
    if data["sessions_behind"] and not sources.store.is_simulated:
        lines.append(data["sentence"])
        if data["old"]:
            lines.append("What follows was true on that evening; it says nothing of today.")
    if session < last:
        earlier = count(len(sessions.between(session, last)) - 1, "session")
        lines.append(
            f"This is the forecast of {long_date(session)}, {earlier} before the"
            f" last bar of {sources.entry['ticker']}, {long_date(last)}."
        )
    return lines


def _rows(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Who answers each question; an entry of an earlier version knows of `up` alone."""
    alone = {"question": UP.name, "model": entry["model"]["name"], "run_id": entry["model"]["run_id"]}
    return list(entry.get("outlook") or [alone])


def _of_the_evening(sources: Sources) -> dict[str, Mapping[str, Any]]:
    """The entry of each question: the newest at the same close by the run that the entry of `up` names."""
    runs = {row["question"]: row["run_id"] for row in _rows(sources.entry)}
    found: dict[str, Mapping[str, Any]] = {UP.name: sources.entry}
    for each in sources.entries:
        question = each.get("question", UP.name)
        if question == UP.name or each["decided_at"] != sources.entry["decided_at"]:
            continue
        if question in runs and each["model"]["run_id"] == runs[question]:
            found[question] = each
    return found


def _model(sources: Sources, row: Mapping[str, Any], made: Mapping[str, Any] | None) -> dict[str, Any]:
    """Of one question, whose entry is `made`; nulls where its base rate answers."""
    name, question = row["model"], row["question"]
    through, overdue = (None, 0) if name is None else _fitted(sources, question, row["run_id"], made)
    age = None if through is None else len(sessions.between(through, sources.session)) - 1
    if name is None:
        sentence = f"{question} has no champion: its base rate answers."
    elif through is None or age is None:
        sentence = f"When {name}, which answers {question}, was fitted is not known."
    else:
        late = f"; its refit is {count(overdue, 'session')} overdue" if overdue else ""
        since = f"fitted through {short_date(through)}, {count(age, 'session')} before this close"
        sentence = f"{name} answers {question}, {since}{late}."
    return {
        "question": question,
        "name": name,
        "trained_through": through,
        "sessions": age,
        "refit_overdue_sessions": overdue,
        "sentence": sentence,
    }


def _fitted(sources: Sources, question: str, run_id: str, made: Mapping[str, Any] | None) -> tuple[str | None, int]:
    """The day through which the model was fitted that answered, and the sessions by which its refit was late."""
    if made is not None:
        return made["model"]["trained_through"], made["model"].get("refit_overdue_sessions", 0)
    with suppress(BullbearError):  # an entry that was never issued stands in no ledger
        champion = sources.champion(question)
        earlier = [day for day in champion.trained_through() if day < str(sources.session.date())]
        if champion.meta["run_id"] == run_id and earlier:
            return earlier[-1], 0
    return None, 0


def _together(models: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of `up`, with one sentence on all models."""
    up = next(each for each in models if each["question"] == UP.name)
    fitted = [each for each in models if each["sessions"] is not None]
    days = sorted({each["trained_through"] for each in fitted})
    if not days:
        sentence = up["sentence"]
    elif len(days) == 1:
        who = "The model was" if len(fitted) == 1 else f"The models of all {len(fitted)} questions were"
        sentence = (
            f"{who} fitted through {short_date(days[0])}, {count(fitted[0]['sessions'], 'session')} before this close."
        )
    else:
        ages = sorted(each["sessions"] for each in fitted)
        sentence = (
            f"The models of {len(fitted)} questions were fitted through {short_date(days[0])} to "
            f"{short_date(days[-1])}, {ages[0]} to {count(ages[-1], 'session')} before this close."
        )
    late = [each["question"] for each in fitted if each["refit_overdue_sessions"]]
    if late:
        sentence += f" The refit is overdue of: {', '.join(late)}."
    alone = [each["question"] for each in models if each["name"] is None]
    if alone:
        sentence += f" No champion, so that the base rate answers: {', '.join(alone)}."
    return {"trained_through": up["trained_through"], "sessions": up["sessions"], "sentence": sentence}


def _series(sources: Sources, entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the models and the policy read and was absent or stale, by the names that the entries give."""
    lacking: dict[str, list[str]] = {}
    for each in entries:
        for name in each["data"]["stale"]:
            lacking.setdefault(name, []).append(each.get("question", UP.name))
    return [{**_lack(sources, name), "questions": questions} for name, questions in sorted(lacking.items())]


def _lack(sources: Sources, name: str) -> dict[str, Any]:
    kind, _, series = name.partition(" of ")
    places = [(kind.replace(" ", "_"), series)] if kind.replace(" ", "_") in _OF_A_TICKER else []
    places = places or [("bars", name), ("observations", name)]
    events = [sources.view.arrays(*place).event_date for place in places]
    known = [int(each.max()) for each in events if len(each)]
    if not known:
        return {"series": name, "last": None, "days": None, "sentence": f"{name}: nothing was known at this close."}
    last = pd.Timestamp(max(known), unit="us")
    days = (sources.session - last).days
    sentence = f"{name}: the newest value is from {short_date(last)}, {days:,} days before this close."
    return {"series": name, "last": str(last.date()), "days": days, "sentence": sentence}


def _ago(behind: int, last: pd.Timestamp, closed: pd.Timestamp) -> str:
    years = (closed - last).days / 365.25
    passed = count(behind, "session")
    return f"{passed} ({years:.1f} years) ago" if years >= 1 else f"{passed} ago"
