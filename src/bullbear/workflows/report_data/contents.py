"""The contents of a report below the forecast: everything as it was known at the close at which that was decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bullbear.decide import Backtest
from bullbear.forecasting.card.sources import Sources
from bullbear.tracking import Run, Runs
from bullbear.workflows.report_data.account import tested_policy
from bullbear.workflows.report_data.dashboards import dashboards
from bullbear.workflows.report_data.freshness import freshness
from bullbear.workflows.report_data.ledger import ledger_record
from bullbear.workflows.report_data.models import compared_models
from bullbear.workflows.report_data.odds import odds_table
from bullbear.workflows.report_data.short_selling import short_selling

if TYPE_CHECKING:
    from bullbear.report.section import Section
    from bullbear.report.sections.account import TestedPolicy
    from bullbear.report.sections.dashboards import Dashboard
    from bullbear.report.sections.freshness import Freshness
    from bullbear.report.sections.ledger import LedgerRecord
    from bullbear.report.sections.models import ComparedModels
    from bullbear.report.sections.odds import OddsTable
    from bullbear.report.sections.short_selling import ShortSelling


@dataclass(frozen=True)
class Contents:
    """What the sections below the forecast show, in their order; no policy without a backtest."""

    odds: OddsTable
    tested: TestedPolicy | None
    short_selling: ShortSelling
    dashboards: Sequence[Dashboard]
    models: ComparedModels
    ledger: LedgerRecord
    freshness: Sequence[Freshness]

    def sections(self) -> list[Section]:
        """The sections in the order to show."""
        from bullbear.report.sections.account import account_section
        from bullbear.report.sections.dashboards import dashboards_section
        from bullbear.report.sections.freshness import freshness_section
        from bullbear.report.sections.ledger import ledger_section
        from bullbear.report.sections.models import models_section
        from bullbear.report.sections.odds import odds_section
        from bullbear.report.sections.short_selling import short_selling_section

        account = [] if self.tested is None else [account_section(self.tested)]
        return [
            odds_section(self.odds),
            *account,
            short_selling_section(self.short_selling),
            dashboards_section(self.dashboards),
            models_section(self.models),
            ledger_section(self.ledger),
            freshness_section(self.freshness),
        ]


def contents_of(sources: Sources, run: Run, tested: Backtest | None) -> Contents:
    """The contents of a report on the entry of `sources`, which the champion `run` made.

    Parameters
    ----------
    tested
        The champion's backtest up to the entry's close.
    """
    home, view, entry, runs = sources.home, sources.view, sources.entry, Runs(sources.home)
    ticker, simulated = str(entry["ticker"]), bool(entry["data"].get("simulated"))
    return Contents(
        odds=odds_table(home, ticker, int(entry["horizon_sessions"]), sources.decided_at),
        tested=None if tested is None else tested_policy(tested, run.model),
        short_selling=short_selling(view, ticker),
        dashboards=dashboards(home, view, ticker),
        models=compared_models(home, runs, ticker, sources.decided_at, simulated=simulated),
        ledger=ledger_record(home, sources.decided_at),
        freshness=freshness(home, view),
    )
