"""What the fund looked like inside at a close; nothing in a home without companies."""

from __future__ import annotations

from bullbear.errors import InputError
from bullbear.forecasting.card.sources import Sources
from bullbear.report.sections.group import Inside
from bullbear.workflows.group import group_report


def inside(sources: Sources, ticker: str) -> Inside | None:
    """The figures of the group of a fund's name, as known at the close of an entry; None where nothing is stored.

    Where members or prices are not known, why.
    """
    if sources.view.companies.is_empty or ticker not in sources.home.groups():
        return None
    try:
        report = group_report(sources.home, ticker, as_of=str(sources.session.date()), stored=sources.stored)
    except InputError as unknown:
        return Inside(ticker, None, f"Not known: {unknown.where}: {unknown.value}.")
    return Inside(ticker, report.as_dict())
