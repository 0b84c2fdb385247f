"""What `bullbear odds` finds, draws and prints, and the record of past odds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bullbear.cli.console import ResultConsole, fit
from bullbear.definitions import UP, Question
from bullbear.errors import InputError
from bullbear.home import Home
from bullbear.odds import EventOdds, event_odds
from bullbear.odds.statements import FALSE_DISCOVERY_RATE

if TYPE_CHECKING:
    from bullbear.forecasting.odds_record import OddsRecord


@dataclass(frozen=True)
class OddsRequest:
    """The options of `bullbear odds`."""

    ticker: str
    horizon: int
    as_of: str | None
    since: str | None
    events: tuple[str, ...]
    everything: bool
    question: Question = UP

    def shows(self, each: EventOdds) -> bool:
        """Whether an event is shown: if it is active, named, or all are."""
        return each.active or self.everything or bool(self.events)

    def tells(self, each: EventOdds) -> bool:
        """Whether an event is told in words, too: if it is beyond luck, named, or all are."""
        return self.everything or bool(self.events) or each.q_value <= FALSE_DISCOVERY_RATE


def find(home: Home, request: OddsRequest) -> list[EventOdds]:
    """The odds requested; q-values are adjusted over all events, even if only some are requested.

    Raises
    ------
    InputError
        An event is not defined, or see `odds.event_odds`.
    """
    defined = home.events()
    wanted = {each.name for each in defined.named(list(request.events))}
    found = event_odds(
        home.filled_store(),
        request.ticker,
        defined.event,
        horizon=request.horizon,
        question=request.question,
        as_of=request.as_of,
        since=request.since,
    )
    return [each for each in found if each.event in wanted]


def draw(home: Home, request: OddsRequest, found: list[EventOdds]) -> list[str]:
    """Draw each event shown into `reports/odds/`; returns the paths."""
    from bullbear.odds.event_paths import event_paths
    from bullbear.report.odds_plot import odds_plot

    store = home.filled_store()
    by_name = {event.name: event for event in home.events().event}
    folder = home.reports / "odds"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for each in found:
        if request.shows(each):
            past = event_paths(
                store,
                request.ticker,
                by_name[each.event],
                horizon=request.horizon,
                as_of=request.as_of,
                since=request.since,
            )
            # The picture shows the paths, the same for every question.
            path = folder / f"{request.ticker}_{each.event}_{request.horizon}.png"
            path.write_bytes(odds_plot(past, simulated=store.is_simulated))
            written.append(str(path))
    return written


def asked(home: Home, name: str) -> Question:
    """The question of that name.

    Raises
    ------
    InputError
        There is none.
    """
    known = home.questions()
    if name not in known:
        raise InputError("--question", name, ", ".join(known), "choose one, or add it to models/questions.toml")
    return known[name]


def record_history(home: Home, ticker: str, horizon: int, question: Question = UP) -> OddsRecord:
    """Score all past odds and log the record to MLflow."""
    from bullbear.forecasting.odds_record import odds_record
    from bullbear.tracking.odds_run import log_odds, require_ready_for_odds

    home.filled_store()
    require_ready_for_odds(home.runs)
    record = odds_record(home, ticker, horizon, question)
    log_odds(home.runs, record)
    return record


def refuse_with_history(options: Mapping[str, object]) -> None:
    """Refuse options that choose days or events, since the record covers all of them."""
    for name, value in options.items():
        if value:
            raise InputError(name, value, "not together with --history", "remove one of the two")


def show_record(record: OddsRecord) -> None:
    """Print how past odds scored as forecasts."""
    found = record.pooled
    table = Table(box=None, pad_edge=False)
    columns = (
        "event",
        "days",
        "mean p",
        "share of ups" if record.question == UP.name else "share of yes",
        "raw odds: skill",
        "90% interval",
        "shrunk: skill",
        "90% interval",
    )
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place else "left", no_wrap=True)
    for each in record.events:
        table.add_row(
            each.event,
            f"{each.signals:,}",
            f"{each.mean_p:.1%}",
            f"{each.share_up:.1%}",
            f"{each.raw_bss:+.2%}",
            f"{each.raw_bss_low:+.2%} to {each.raw_bss_high:+.2%}",
            f"{each.shrunk_bss:+.2%}",
            f"{each.shrunk_bss_low:+.2%} to {each.shrunk_bss_high:+.2%}",
        )
    good = [each.event for each in record.events if each.raw_bss_low > 0]
    foot = (
        f"All events pooled, shrunk: Brier skill {found.bss:+.2%} ({found.bss_low:+.2%} to {found.bss_high:+.2%}) over "
        f"{found.n:,} days from {found.first.date()} to {found.last.date()}. Skill against the base rate on all days; "
        f"interval of raw odds above zero: {', '.join(good) or 'none'}; by chance one in twenty would be."
    )
    of = "" if record.question == UP.name else f" of {record.question}"
    title = f"{record.ticker} odds{of} as forecasts, {record.horizon} sessions ahead"
    title += "  SIMULATED" if record.simulated else ""
    ResultConsole(140).print(Panel(Group(table, Text(""), Text(foot, style="dim")), title=Text(title), expand=False))


def show(found: list[EventOdds], request: OddsRequest, *, simulated: bool) -> None:
    """Print the statements, grouped bullish and bearish, newest first."""
    console = ResultConsole(120)
    ticker = request.ticker
    chosen = [each for each in found if request.shows(each)]
    if not found:
        console.print(f"{ticker}: no event of odds.toml occurred in the look-back")
        return
    first = found[0]
    parts: list[Table | Text] = []
    plain = first.question == UP.name
    left_out = fit(_table(chosen), console, console.width - _FRAME)
    for direction, heading in (
        (
            "bullish",
            "Bullish events: share of rises afterwards"
            if plain
            else f"Bullish events: how often {first.question} came true afterwards",
        ),
        (
            "bearish",
            "Bearish events: share of falls afterwards"
            if plain
            else f"Bearish events: how often {first.question} came true afterwards",
        ),
    ):
        group = [each for each in chosen if each.direction == direction]
        parts.append(Text(heading, style="bold"))
        if group:
            parts.append(_table(group, left_out))
            parts.extend(Text(f"- {each.statement}") for each in group if request.tells(each))
        else:
            parts.append(Text("nothing active", style="dim"))
        parts.append(Text(""))
    foot = _foot(found, chosen)
    if not all(map(request.tells, chosen)):
        foot += " `--event NAME` tells one in words."
    if left_out:
        foot += f" Not shown at this width: {', '.join(left_out)}; --json has all."
    parts.append(Text(foot, style="dim"))
    of = "" if plain else f" of {first.question}"
    title = f"{ticker} odds{of} at the close of {first.as_of.date()}, {first.horizon_sessions} sessions ahead"
    console.print(Panel(Group(*parts), title=Text(title + ("  SIMULATED" if simulated else "")), expand=False))


_FRAME = 4
"""Columns that a panel takes."""


def _table(group: list[EventOdds], left_out: Sequence[str] = ()) -> Table:
    """One line an event, without the columns that are left out."""
    table = Table(box=None, pad_edge=False)
    names = ("event", "cases", "since", "effective", "odds", "90% interval", "base rate", "lift", "shrunk", "q")
    shown = [name for name in names if name not in left_out]
    for name in shown:
        table.add_column(name, justify="left" if name in ("event", "since") else "right", no_wrap=True)
    for each in group:
        cells = {"event": each.event, "cases": "0", "since": str(each.occurred_on.date())}
        if each.cases:
            cells |= {
                "cases": f"{each.continued}/{each.cases}",
                "effective": f"{each.effective_cases:.1f}",
                "odds": f"{each.odds:.0%}",
                "90% interval": f"{each.odds_low:.0%} to {each.odds_high:.0%}",
                "base rate": f"{each.base_rate:.0%}",
                "lift": f"{each.lift:.2f}",
                "shrunk": f"{each.shrunk_odds:.0%}",
                "q": f"{each.q_value:.2f}",
            }
        table.add_row(*(cells.get(name, "") for name in shown))
    return table


def _foot(found: list[EventOdds], chosen: list[EventOdds]) -> str:
    first = found[0]
    findings = [each.event for each in found if each.q_value <= FALSE_DISCOVERY_RATE]
    return (
        f"Look-back from {first.since.date()}, q over the {first.tested} events with resolved cases in it. Significant "
        f"at q <= {FALSE_DISCOVERY_RATE}: {', '.join(findings) or 'none'}. {len(found) - len(chosen)} more are not "
        "active (--all). `bullbear odds --history` scores past odds."
    )
