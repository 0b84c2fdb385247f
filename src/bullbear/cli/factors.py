"""`bullbear factors`: the factors and their coverage in this store, and the price levels at a close."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bullbear.cli.located import at_the_same_place, locate
from bullbear.cli.options import HomeOption, JsonOption, PairOption, iso_day, print_document
from bullbear.errors import Found, InputError
from bullbear.extras import require

if TYPE_CHECKING:
    from bullbear.home import Home
    from bullbear.report.level_chart import LevelChart
    from bullbear.workflows.factor_catalogue import Entry


def factors(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One factor; default: all.")] = None,
    home: HomeOption = None,
    pair: PairOption = None,
    family: Annotated[
        str | None,
        typer.Option(
            help="Only this family: technical, volatility, levels, positioning, breadth, macro, sectors, regime or own."
        ),
    ] = None,
    plot: Annotated[bool, typer.Option("--plot", help="Draw the factor into reports/factors/.")] = False,
    levels: Annotated[
        bool,
        typer.Option("--levels", help="Show support and resistance at a close, and draw them into reports/levels/."),
    ] = False,
    ticker: Annotated[
        str | None,
        typer.Option(help="With --levels: any ticker with bars in the store; default: IWM, or the fund of the pair."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", callback=iso_day, help="With --levels: at the close of this day, YYYY-MM-DD."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the factors, show one, or show price levels.

    With --levels: support and resistance, trend channel, double tops and bottoms, and breaks, as known at a close.

    Example: bullbear factors --levels --ticker IWM --as-of 2016-02-11
    """
    _check_options(name, family, plot, levels, ticker, as_of)
    if levels or plot:
        require("--levels" if levels else "--plot", "report")
    place = locate(home, pair)
    if levels:
        _levels(place, ticker or place.ticker, as_of, as_json)
    elif plot:
        path = draw(place, str(name))
        if as_json:
            print_document({"plot": path})
        else:
            typer.echo(path)
    else:
        _catalogue(place, name, family, as_json)


def _check_options(
    name: str | None, family: str | None, plot: bool, levels: bool, ticker: str | None, as_of: str | None
) -> None:
    if levels:
        for option, value in (("NAME", name), ("--family", family), ("--plot", plot or None)):
            if value is not None:
                raise InputError(option, value, "not together with --levels", "remove one of the two")
        return
    for option, value in (("--ticker", ticker), ("--as-of", as_of)):
        if value is not None:
            raise InputError(option, value, "only together with --levels", "add --levels or remove it")
    if plot and name is None:
        raise InputError("--plot", Found("no factor"), "the name of one factor", "write `bullbear factors NAME --plot`")
    if name is not None and family is not None:
        raise InputError("--family", family, "only without NAME", "remove one of the two")


def _catalogue(home: Home, name: str | None, family: str | None, as_json: bool) -> None:
    from bullbear.cli.console import ProgressConsole
    from bullbear.workflows.factor_catalogue import catalogue

    if name is None and family is None:
        ProgressConsole(quiet=as_json).say("computing every factor at every close of the store")
    notes: list[str] = []
    entries = catalogue(
        home,
        home.ticker,
        names=None if name is None else [name],
        family=family,
        say=None if name is not None else notes.append,
    )
    for note in notes:
        typer.echo(at_the_same_place(f"note: {note}"), err=True)
    if as_json:
        print_document(document(entries))
        return
    from bullbear.cli import factor_tables

    store = home.store()
    if name is not None:
        for entry in entries:  # several if feature sets declare different factors of this name
            factor_tables.show_one(entry, simulated=store.is_simulated)
        return
    factor_tables.show(entries, simulated=store.is_simulated)
    if store.is_empty:
        ProgressConsole().say(
            "the store is empty: run `bullbear simulate` or `bullbear ingest DIR` to see the first day of each"
        )


def _levels(home: Home, ticker: str, as_of: str | None, as_json: bool) -> None:
    from bullbear.cli.console import ProgressConsole
    from bullbear.data.as_of_session import closed_day
    from bullbear.report.level_chart import level_chart

    chart = level_chart(home.filled_store(), ticker, as_of=as_of)
    if as_of and (note := closed_day(as_of, chart.session)):
        ProgressConsole().say(f"note: {note}")
    path = draw_levels(home, chart)
    if as_json:
        print_document({**chart.as_dict(), "plot": path})
        return
    from bullbear.cli import level_tables

    level_tables.show(chart)
    ProgressConsole().say(path)


def document(entries: list[Entry]) -> list[dict[str, Any]]:
    """The catalogue for programs."""
    return [{**asdict(each), "first": each.first and str(each.first.date())} for each in entries]


def draw(home: Home, name: str) -> str:
    """Draw one factor into `reports/factors/`; returns the file's path."""
    from bullbear.workflows.factor_catalogue import values_of

    entry, values = values_of(home, name, home.ticker)
    if entry.first is None:
        raise InputError(
            f"factor {name}", Found("no value in this store"), "a factor with data", "see `bullbear factors`"
        )
    from bullbear.report.plots import factor_plot

    path = home.reports / "factors" / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(factor_plot(values, unit=entry.unit, summary=entry.summary, simulated=home.store().is_simulated))
    return str(path)


def draw_levels(home: Home, chart: LevelChart) -> str:
    """Draw the levels of a close into `reports/levels/`; returns the file's path."""
    from bullbear.report.level_plot import level_plot

    path = home.reports / "levels" / f"{chart.ticker}-{chart.session.date()}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(level_plot(chart))
    return str(path)
