"""`bullbear pick`: sectors and companies ranked at a close, and what past rankings were worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bullbear import sessions as exchange
from bullbear.data.as_of_session import last_session
from bullbear.data.companies.panel import Panel
from bullbear.data.store import Store
from bullbear.data.view import View
from bullbear.decide.market import BILL, bill_rate
from bullbear.definitions.picker import Rotation
from bullbear.errors import NoDataError
from bullbear.home import Home
from bullbear.picking import rotation
from bullbear.picking.cross_section import funds_panel


@dataclass(frozen=True)
class RotationToday:
    """The sector funds of each rule from best to worst at the close `as_of`."""

    definition: Rotation
    as_of: pd.Timestamp
    decided_at: pd.Timestamp
    rankings: tuple[rotation.Ranking, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        names = self.definition.funds
        return {
            "as_of": str(self.as_of.date()),
            "decided_at": self.decided_at.isoformat(),
            "hold": self.definition.hold,
            "rules": [
                {
                    "rule": each.rule.name,
                    "kind": each.rule.kind,
                    "sectors": [
                        {
                            "rank": place + 1,
                            "ticker": ticker,
                            "sector": names[ticker],
                            "score": score,
                            "held": place < self.definition.hold,
                        }
                        for place, (ticker, score) in enumerate(zip(each.funds, each.scores, strict=True))
                    ],
                }
                for each in self.rankings
            ],
        }


@dataclass(frozen=True)
class RotationRecord:
    """The past of every rule of the rotation."""

    definition: Rotation
    evaluated: rotation.Evaluated
    simulated: bool

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "funds": dict(self.definition.funds),
            "benchmark": self.definition.benchmark,
            "hold": self.definition.hold,
            "cost_bp": self.definition.trading.cost_bp,
            "simulated": self.simulated,
            **self.evaluated.as_dict(),
        }


def rotate_today(home: Home, as_of: str | None = None) -> RotationToday:
    """Rank the sector funds at the close of a day, or at the last close stored.

    Raises
    ------
    NoDataError
        A fund has no bars, or none on that day.
    HistoryError
        A rule has too short a history.
    """
    store, definition = home.filled_store(), home.rotation()
    session = _session(store, definition, as_of)
    decided_at = exchange.closes(pd.DatetimeIndex([session]))[0]
    panel = _panel(store.as_of(decided_at), definition).until(session)
    return RotationToday(definition, session, decided_at, tuple(rotation.today(definition, panel)))


def rotation_record(
    home: Home, as_of: str | None = None, *, progress: Callable[[int, int], None] | None = None
) -> RotationRecord:
    """Every rule of the rotation over all past decisions, up to a day or to the last close stored; logged to MLflow.

    Raises
    ------
    NoDataError, HistoryError
        As `rotate_today`.
    """
    from bullbear.tracking.picker_run import log_picking, require_ready_for_picking

    store, definition = home.filled_store(), home.rotation()
    session = _session(store, definition, as_of)
    require_ready_for_picking(home.runs)
    view = store.as_of(exchange.closes(pd.DatetimeIndex([session]))[0])
    panel = _panel(view, definition).until(session)
    rates = np.array(bill_rate(view, BILL, exchange.closes(panel.sessions)))
    evaluated = rotation.evaluate(definition, panel, rates, progress=progress)
    record = RotationRecord(definition, evaluated, store.is_simulated)
    log_picking(
        home.runs,
        "rotation",
        record.as_dict(),
        params={
            "picker": "rotation", "hold": definition.hold, "benchmark": definition.benchmark,
            **definition.schedule.model_dump(), **definition.trading.model_dump(), "last": str(session.date()),
        },
        definition=definition.model_dump(mode="json"),
        tables={
            "rules": pd.DataFrame(
                [{"rule": each.rule.name, **each.held.as_dict()} for each in evaluated.rules]
            ).set_index("rule")
        },
    )  # fmt: skip
    return record


def _session(store: Store, definition: Rotation, as_of: str | None) -> pd.Timestamp:
    view = store.as_of()
    for ticker in (*definition.funds, definition.benchmark):
        if not view.has("bars", ticker):
            raise NoDataError("rotation", ticker, "funds with bars in the store", "fetch or ingest its prices first")
    traded = [pd.DatetimeIndex(view.bars(ticker).index) for ticker in (*definition.funds, definition.benchmark)]
    shared = traded[0]
    for each in traded[1:]:
        shared = shared.intersection(each)
    if as_of is None:
        return pd.Timestamp(shared[-1])
    return last_session(as_of, shared, "all sector funds", simulated=store.is_simulated)


def _panel(view: View, definition: Rotation) -> Panel:
    """Every bar as it was first known: what a decision of that day read."""
    bars = {}
    for ticker in (*definition.funds, definition.benchmark):
        rows = view.versions("bars", ticker).dropna(subset=["close", "adj_close"])
        first = rows.drop_duplicates("event_date", keep="first").sort_values("event_date", kind="stable")
        bars[ticker] = first.set_index("event_date")
    return funds_panel(bars)
