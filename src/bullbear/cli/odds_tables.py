"""The odds and their record: asked, drawn, and shown as a panel for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bullbear.cli.console import ResultConsole
from bullbear.errors import InputError
from bullbear.home import Home
from bullbear.odds import EventOdds, load, tell
from bullbear.odds.statements import RARE

if TYPE_CHECKING:
    from bullbear.forecasting.odds_record import OddsRecord


@dataclass(frozen=True)
class Question:
    """What was asked of `bullbear odds`."""

    ticker: str
    horizon: int
    as_of: str | None
    since: str | None
    events: tuple[str, ...]
    everything: bool

    def shows(self, each: EventOdds) -> bool:
        """Whether the panel shows an event: those active now, those asked for, or all."""
        return each.active or self.everything or bool(self.events)


def answer(home: Home, question: Question) -> list[EventOdds]:
    """The odds asked for; q-values are adjusted over all events, also where only some are asked for.

    Raises
    ------
    InputError
        An event is not defined, or see `odds.tell`.
    """
    defined = load(home.find("features", "odds"))
    wanted = {each.name for each in defined.named(list(question.events))}
    told = tell(
        home.filled_store(),
        question.ticker,
        defined.event,
        horizon=question.horizon,
        as_of=question.as_of,
        since=question.since,
    )
    return [each for each in told if each.event in wanted]


def draw(home: Home, question: Question, told: list[EventOdds]) -> list[str]:
    """A picture per event shown, in `reports/odds/`; the paths written."""
    from bullbear.odds.episodes import episodes
    from bullbear.report.odds_plot import odds_plot

    store = home.filled_store()
    by_name = {event.name: event for event in load(home.find("features", "odds")).event}
    folder = home.reports / "odds"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for each in told:
        if question.shows(each):
            past = episodes(
                store,
                question.ticker,
                by_name[each.event],
                horizon=question.horizon,
                as_of=question.as_of,
                since=question.since,
            )
            path = folder / f"{question.ticker}_{each.event}_{question.horizon}.png"
            path.write_bytes(odds_plot(past, simulated=store.is_simulated))
            written.append(str(path))
    return written


def scored(home: Home, ticker: str, horizon: int) -> OddsRecord:
    """The record of all past statements, logged to MLflow."""
    from bullbear.forecasting.odds_record import odds_record
    from bullbear.tracking.odds_run import log_odds, require_ready_for_odds

    home.filled_store()
    require_ready_for_odds(home.runs)
    record = odds_record(home, ticker, horizon)
    log_odds(home.runs, record)
    return record


def refuse_with_history(options: Mapping[str, object]) -> None:
    """Options that ask about one day have no meaning for the record of all days.

    Raises
    ------
    InputError
        One of them was given.
    """
    for name, value in options.items():
        if value:
            raise InputError(name, value, "no such option with --history", "drop one of the two")


def show_record(record: OddsRecord) -> None:
    """Print how past statements scored as forecasts."""
    found = record.pooled
    table = Table(box=None, pad_edge=False)
    columns = ("event", "days", "said up", "came up", "told: skill", "90% interval", "shrunk: skill", "90% interval")
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place else "left", no_wrap=True)
    for each in record.events:
        table.add_row(
            each.event,
            f"{each.spoke:,}",
            f"{each.said_up:.1%}",
            f"{each.came_up:.1%}",
            f"{each.told_bss:+.2%}",
            f"{each.told_bss_low:+.2%} to {each.told_bss_high:+.2%}",
            f"{each.shrunk_bss:+.2%}",
            f"{each.shrunk_bss_low:+.2%} to {each.shrunk_bss_high:+.2%}",
        )
    good = [each.event for each in record.events if each.told_bss_low > 0]
    foot = (
        f"All events pooled, shrunk: Brier skill {found.bss:+.2%} ({found.bss_low:+.2%} to {found.bss_high:+.2%}) over "
        f"{found.n:,} days from {found.first.date()} to {found.last.date()}. Skill is against climatology on all days; "
        f"above zero beyond its interval as told: {', '.join(good) or 'none'}, where one in twenty would be by luck."
    )
    title = f"{record.ticker} odds as forecasts, {record.horizon} sessions ahead"
    title += "  SIMULATED" if record.simulated else ""
    ResultConsole(140).print(Panel(Group(table, Text(""), Text(foot, style="dim")), title=Text(title), expand=False))


def show(told: list[EventOdds], question: Question, *, simulated: bool) -> None:
    """Print the statements, grouped bullish and bearish, newest first."""
    console = ResultConsole(120)
    ticker = question.ticker
    chosen = [each for each in told if question.shows(each)]
    if not told:
        console.print(f"{ticker}: no event of odds.toml occurred in the look-back")
        return
    first = told[0]
    parts: list[Table | Text] = []
    for direction, heading in (
        ("bullish", "Bullish: what followed, counted in rises"),
        ("bearish", "Bearish: in falls"),
    ):
        group = [each for each in chosen if each.direction == direction]
        parts.append(Text(heading, style="bold"))
        if group:
            parts.append(_table(group))
            parts.extend(Text(f"- {each.statement}") for each in group)
        else:
            parts.append(Text("nothing active", style="dim"))
        parts.append(Text(""))
    parts.append(Text(_foot(told, chosen), style="dim"))
    title = f"{ticker} odds at the close of {first.as_of.date()}, {first.horizon_sessions} sessions ahead"
    console.print(Panel(Group(*parts), title=Text(title + ("  SIMULATED" if simulated else "")), expand=False))


def _table(group: list[EventOdds]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("event", "since", "cases", "worth", "odds", "90% interval", "base rate", "lift", "shrunk", "q"):
        table.add_column(name, justify="left" if name in ("event", "since") else "right", no_wrap=True)
    for each in group:
        if each.cases == 0:
            table.add_row(each.event, str(each.occurred_on.date()), "0", *[""] * 7)
            continue
        table.add_row(
            each.event,
            str(each.occurred_on.date()),
            f"{each.continued}/{each.cases}",
            f"{each.effective_cases:.1f}",
            f"{each.odds:.0%}",
            f"{each.odds_low:.0%} to {each.odds_high:.0%}",
            f"{each.base_rate:.0%}",
            f"{each.lift:.2f}",
            f"{each.shrunk_odds:.0%}",
            f"{each.q_value:.2f}",
        )
    return table


def _foot(told: list[EventOdds], chosen: list[EventOdds]) -> str:
    first = told[0]
    findings = [each.event for each in told if each.q_value <= RARE]
    found = ", ".join(findings) if findings else "none"
    return (
        f"Look-back from {first.since.date()}, q over the {first.tested} events with resolved cases in it. Beyond luck "
        f"at q {RARE}: {found}. {len(told) - len(chosen)} more are not active (--all). `bullbear odds --history` "
        "scores past odds."
    )
