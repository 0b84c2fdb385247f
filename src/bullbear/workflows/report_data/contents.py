"""The contents of a report below the card, as everything was known at the close at which the forecast was decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bullbear.decide import Backtest
from bullbear.forecasting.card.sources import Sources
from bullbear.report.sections.account import TestedPolicy
from bullbear.report.sections.audit import Audits
from bullbear.report.sections.dashboards import Dashboard
from bullbear.report.sections.freshness import Freshness
from bullbear.report.sections.group import Inside
from bullbear.report.sections.ledger import LedgerRecord
from bullbear.report.sections.models import ComparedModels
from bullbear.report.sections.odds import OddsTable
from bullbear.report.sections.outlook import OutlookData
from bullbear.report.sections.price import PriceData
from bullbear.report.sections.record import QuestionRecord
from bullbear.report.sections.short_selling import ShortSelling
from bullbear.tracking import Runs
from bullbear.workflows.report_data.account import tested_policy
from bullbear.workflows.report_data.audit import audits
from bullbear.workflows.report_data.dashboards import dashboards
from bullbear.workflows.report_data.freshness import freshness
from bullbear.workflows.report_data.group import inside
from bullbear.workflows.report_data.ledger import ledger_record
from bullbear.workflows.report_data.models import compared_models
from bullbear.workflows.report_data.odds import odds_table
from bullbear.workflows.report_data.outlook import outlook_data
from bullbear.workflows.report_data.price import price_data
from bullbear.workflows.report_data.record import records_of
from bullbear.workflows.report_data.short_selling import short_selling


@dataclass(frozen=True)
class Contents:
    """What the sections below the card show; no policy without a backtest, no records without champions, no inside
    without companies."""

    price: PriceData
    outlook: OutlookData
    odds: OddsTable
    records: Sequence[QuestionRecord]
    tested: TestedPolicy | None
    short_selling: ShortSelling
    inside: Inside | None
    dashboards: Sequence[Dashboard]
    models: ComparedModels
    ledger: LedgerRecord
    audits: Audits
    freshness: Sequence[Freshness]


def contents_of(sources: Sources, document: Mapping[str, Any], tested: Backtest | None) -> Contents:
    """The contents of a report on the entry of `sources`.

    Parameters
    ----------
    document
        The entry with its card.
    tested
        The champion's backtest up to the entry's close.
    """
    home, view, entry, runs = sources.home, sources.view, sources.entry, Runs(sources.home)
    ticker, simulated = str(entry["ticker"]), bool(entry["data"].get("simulated"))
    policy = None if tested is None else tested_policy(tested, str(entry["model"]["name"]))
    return Contents(
        price=price_data(sources, () if policy is None else policy.trades),
        outlook=outlook_data(sources, document),
        odds=odds_table(home, ticker, int(entry["horizon_sessions"]), sources.decided_at, stored=sources.stored),
        records=records_of(sources),
        tested=policy,
        short_selling=short_selling(view, ticker),
        inside=inside(sources, ticker),
        dashboards=dashboards(home, view, ticker),
        models=compared_models(home, runs, ticker, sources.decided_at, simulated=simulated),
        ledger=ledger_record(home, sources.decided_at),
        audits=audits(home, runs),
        freshness=freshness(home, view),
    )
