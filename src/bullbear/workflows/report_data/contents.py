"""The contents of a report below the forecast: everything as it was known at the close at which that was decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bullbear.decide import Backtest
from bullbear.forecasting.card.sources import Sources
from bullbear.tracking import Runs
from bullbear.workflows.report_data.account import tested_policy
from bullbear.workflows.report_data.dashboards import dashboards
from bullbear.workflows.report_data.freshness import freshness
from bullbear.workflows.report_data.ledger import ledger_record
from bullbear.workflows.report_data.models import compared_models
from bullbear.workflows.report_data.odds import odds_table
from bullbear.workflows.report_data.short_selling import short_selling

if TYPE_CHECKING:
    from bullbear.report.sections.account import TestedPolicy
    from bullbear.report.sections.dashboards import Dashboard
    from bullbear.report.sections.freshness import Freshness
    from bullbear.report.sections.ledger import LedgerRecord
    from bullbear.report.sections.models import ComparedModels
    from bullbear.report.sections.odds import OddsTable
    from bullbear.report.sections.short_selling import ShortSelling


@dataclass(frozen=True)
class Contents:
    """What the sections below the forecast show; no policy without a backtest."""

    odds: OddsTable
    tested: TestedPolicy | None
    short_selling: ShortSelling
    dashboards: Sequence[Dashboard]
    models: ComparedModels
    ledger: LedgerRecord
    freshness: Sequence[Freshness]


def contents_of(sources: Sources, tested: Backtest | None) -> Contents:
    """The contents of a report on the entry of `sources`.

    Parameters
    ----------
    tested
        The champion's backtest up to the entry's close.
    """
    home, view, entry, runs = sources.home, sources.view, sources.entry, Runs(sources.home)
    ticker, simulated = str(entry["ticker"]), bool(entry["data"].get("simulated"))
    return Contents(
        odds=odds_table(home, ticker, int(entry["horizon_sessions"]), sources.decided_at),
        tested=None if tested is None else tested_policy(tested, str(entry["model"]["name"])),
        short_selling=short_selling(view, ticker),
        dashboards=dashboards(home, view, ticker),
        models=compared_models(home, runs, ticker, sources.decided_at, simulated=simulated),
        ledger=ledger_record(home, sources.decided_at),
        freshness=freshness(home, view),
    )
