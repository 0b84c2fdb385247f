"""The contents of a report on one forecast: everything as it was known at the close at which that was decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from bullbear.decide import Backtest
from bullbear.errors import BullbearError
from bullbear.home import Home
from bullbear.tracking import Run, Runs
from bullbear.workflows.backtesting import backtest_run
from bullbear.workflows.report_data.account import tested_policy
from bullbear.workflows.report_data.dashboards import dashboards
from bullbear.workflows.report_data.freshness import freshness
from bullbear.workflows.report_data.ledger import ledger_record
from bullbear.workflows.report_data.models import compared_models
from bullbear.workflows.report_data.odds import odds_table
from bullbear.workflows.report_data.short_selling import short_selling

if TYPE_CHECKING:
    from bullbear.report.contents import Contents, TestedPolicy


def contents_of(home: Home, run: Run, entry: Mapping[str, Any], tested: Backtest | None = None) -> Contents:
    """The contents of a report on the forecast `entry` of the run of a champion.

    Parameters
    ----------
    entry
        A ledger entry of `up`.
    tested
        Its backtest up to that close, if there is one already.
    """
    from bullbear.report.contents import Contents

    decided_at, ticker = pd.Timestamp(entry["decided_at"]), str(entry["ticker"])
    simulated = bool(entry["data"].get("simulated"))
    view, runs = home.filled_store().as_of(decided_at), Runs(home)
    notes: dict[str, str] = {}
    return Contents(
        decided_at=decided_at,
        simulated=simulated,
        tested=_tested(home, runs, run, decided_at, tested, notes),
        short_selling=short_selling(view, ticker),
        dashboards=dashboards(home, view, ticker),
        odds=odds_table(home, ticker, int(entry["horizon_sessions"]), decided_at),
        models=compared_models(home, runs, ticker, decided_at, simulated=simulated),
        ledger=ledger_record(home, decided_at),
        freshness=freshness(home, view),
        notes=notes,
    )


def _tested(
    home: Home, runs: Runs, run: Run, decided_at: pd.Timestamp, tested: Backtest | None, notes: dict[str, str]
) -> TestedPolicy | None:
    try:
        found = tested if tested is not None else backtest_run(home, run, until=decided_at)
        return tested_policy(found, run, runs)
    except BullbearError as bad:
        notes["tested"] = str(bad)
        return None
