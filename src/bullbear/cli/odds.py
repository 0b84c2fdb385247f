"""`bullbear odds`: what followed past events, and how such odds scored as forecasts."""

from __future__ import annotations

from typing import Annotated

import typer

from bullbear.cli.located import at_the_same_place, locate
from bullbear.cli.options import HomeOption, JsonOption, PairOption, iso_day, print_document
from bullbear.extras import require


def odds(
    home: HomeOption = None,
    pair: PairOption = None,
    ticker: Annotated[
        str | None, typer.Option(help="Any ticker with bars in the store; default: IWM, or the fund of the pair.")
    ] = None,
    question: Annotated[str, typer.Option(help="What is asked after an event, by its name in questions.toml.")] = "up",
    horizon: Annotated[
        int | None,
        typer.Option(min=1, max=126, help="Sessions ahead: 5, 21 and 63 are usual; default: the question's, 21 of up."),
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", callback=iso_day, help="Answer at the close of this day, YYYY-MM-DD.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(callback=iso_day, help="First day of the look-back; default: five years before.")
    ] = None,
    event: Annotated[list[str] | None, typer.Option(help="Show only this event; may be repeated.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also show events that are not active now.")] = False,
    chart: Annotated[bool, typer.Option("--chart", help="Draw each event shown into reports/odds/.")] = False,
    history: Annotated[
        bool, typer.Option("--history", help="Score the odds of all past closes, and log them to MLflow.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show how often prices rose or fell after events.

    Odds, intervals, base rates and q-values of the events of features/odds.toml; with --question NAME, how often the
    answer to that question was yes.

    Example: bullbear odds --ticker IWM --horizon 21 --since 2010-01-01
    """
    from bullbear.cli import odds_tables
    from bullbear.cli.console import ProgressConsole
    from bullbear.data.as_of_session import closed_day

    place = locate(home, pair)
    ticker = ticker or place.ticker
    asked = odds_tables.asked(place, question)
    sessions = horizon or asked.horizon
    if chart:
        require("--chart", "report")
    if history:
        require("--history", "train", "tracking")
        odds_tables.refuse_with_history(
            {"--as-of": as_of, "--since": since, "--event": event, "--chart": chart or None}
        )
        ProgressConsole(quiet=as_json).say(f"scoring all past odds of {ticker}, {sessions} sessions ahead")
        record = odds_tables.record_history(place, ticker, sessions, asked)
        if as_json:
            print_document(record.as_dict())
        else:
            odds_tables.show_record(record)
        return
    request = odds_tables.OddsRequest(ticker, sessions, as_of, since, tuple(event or ()), everything, asked)
    found = odds_tables.find(place, request)
    if as_of and found and (note := closed_day(as_of, found[0].as_of)):
        typer.echo(at_the_same_place(f"note: {note}"), err=True)
    if chart:
        for path in odds_tables.draw(place, request, found):
            typer.echo(path, err=True)
    if as_json:
        print_document([each.as_dict() for each in found])
    else:
        odds_tables.show(found, request, simulated=place.store().is_simulated)
