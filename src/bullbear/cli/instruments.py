"""`bullbear instruments`: what policies may hold, and how well the modelled prices follow the real ones."""

from __future__ import annotations

from typing import Annotated

import typer

from bullbear.cli.located import locate
from bullbear.cli.options import HomeOption, JsonOption, print_document


def instruments(
    ticker: Annotated[str | None, typer.Argument(metavar="TICKER", help="One instrument, year by year.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what policies may hold.

    Costs, first prices, and the error of the model that prices a fund before them.

    With TICKER: the error, and the decay of a geared fund, in each year.

    Example: bullbear instruments TWM
    """
    from bullbear.workflows.instruments import entries

    place = locate(home)
    found = entries(place, ticker)
    if as_json:
        print_document([each.as_dict() for each in found])
        return
    from bullbear.cli import instrument_tables

    simulated = place.store().is_simulated
    if ticker is None:
        instrument_tables.show(found, simulated=simulated)
    else:
        instrument_tables.show_one(found[0], simulated=simulated)
