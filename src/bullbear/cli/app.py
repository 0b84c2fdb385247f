"""The application: the options before a command, and the commands in the order of the help.

A command parses its options, calls a workflow and shows the result; it computes nothing. Heavy imports stand inside the
commands, so that a forecast does not wait for MLflow.
"""

from __future__ import annotations

from typing import Annotated

import typer

from bullbear.cli.audit import audit
from bullbear.cli.champions import demote, promote, rollback
from bullbear.cli.daily import account, forecast, report, run, score
from bullbear.cli.day import day
from bullbear.cli.factors import factors
from bullbear.cli.group import group
from bullbear.cli.holdout import holdout
from bullbear.cli.instruments import instruments
from bullbear.cli.ledger import ledger
from bullbear.cli.market import fetch, ingest, simulate, status
from bullbear.cli.new import new
from bullbear.cli.odds import odds
from bullbear.cli.options import HomeBeforeOption
from bullbear.cli.pick import pick
from bullbear.cli.run_list import runs
from bullbear.cli.runs import backtest, compare, evaluate, predictions, train, ui
from bullbear.cli.trials import trials
from bullbear.cli.tuning import tune

app = typer.Typer(
    help="Point-in-time outlook of a fund's next month, and the positions that follow.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    run, fetch, ingest, simulate, status, factors, group, instruments, train, tune, runs, trials, evaluate, compare,
    predictions, audit, promote, demote, rollback, backtest, day, forecast, account, score, odds, pick, report, ui, new,
):  # fmt: skip
    app.command()(command)
app.add_typer(ledger, name="ledger")
app.add_typer(holdout, name="holdout")


def _print_version(wanted: bool) -> None:
    if wanted:
        from bullbear.code_version import code_version

        typer.echo(f"bullbear {code_version()}")
        raise typer.Exit


@app.callback()
def before_the_command(
    context: typer.Context,
    home: HomeBeforeOption = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Keep the home given before the command."""
    context.obj = home
