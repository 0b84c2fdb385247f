"""The forecast as a panel; needs rich alone.

What differs from usual comes first: a probability whose interval does not contain the base rate. Then the direction,
which hardly ever does, the distribution, and the positions.
"""

from __future__ import annotations

from typing import Any

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bullbear.cli.console import ResultConsole

_NOTHING = "Nothing differs from usual: treat this as a normal month.\n"
_BUT_DIRECTION = "Nothing but the direction differs from usual.\n"
_OF_SOME = "Nothing differs from usual in the other questions that have a champion.\n"
_NO_CHAMPION = "No champion of the other questions.\n"


def forecast(entry: dict[str, Any]) -> None:
    """Print a ledger entry."""
    ResultConsole().print(forecast_panel(entry))


def forecast_panel(entry: dict[str, Any]) -> Panel:
    """A ledger entry as a panel."""
    simulated = entry["data"].get("simulated", False)
    body = Table.grid(padding=(0, 1))
    for line in entry.get("ages", {}).get("notice", ()):
        body.add_row(Text(line, style="bold"))
    if "outlook" in entry:  # absent from entries of an earlier version
        body.add_row(_outlook(entry["outlook"]))
    body.add_row(_direction(entry))
    if entry.get("distribution"):
        body.add_row(_distribution(entry["distribution"]))
    body.add_row(Text(f"Regime: {entry['regime']}\n"))
    body.add_row(_positions(entry))
    body.add_row(_reasons(entry["agents"]))
    if text := _next(entry):
        body.add_row(text)
    if "account" in entry:  # absent from entries of an earlier version
        body.add_row(_account(entry["account"]))
    if "orders" in entry:
        body.add_row(_orders(entry["orders"], entry["portfolio"]))
    if entry["drivers"]:
        body.add_row(_drivers(entry))
    body.add_row(_foot(entry))
    title = f"{entry['ticker']} at the close of {entry['decided_at'][:10]}" + ("  SIMULATED" if simulated else "")
    return Panel(body, title=Text(title), expand=False)


def _outlook(rows: list[dict[str, Any]]) -> Text:
    """The questions besides `up`: those that differ from usual a line each, the others on a line together."""
    others = [row for row in rows if row["question"] != "up"]
    unusual = [row for row in others if row["model"] is not None and _differs(row)]
    text = Text()
    for row in unusual:
        text.append(f"{row['statement'].removesuffix('.')}: ", style="bold")
        text.append(_percent(row["p"]), style="bold")
        text.append(f" (usually {_percent(row['climatology'])}{_skill(row)})\n")
    usual = [row for row in others if row["model"] is not None and row not in unusual]
    alone = [row for row in others if row["model"] is None]
    if others and not unusual:
        direction = any(_differs(row) for row in rows if row["question"] == "up")
        normal = _BUT_DIRECTION if direction else _NOTHING
        text.append(normal if not alone else _OF_SOME if usual else _NO_CHAMPION)
    for lead, rest in (("As usual", usual), ("Base rates alone", alone)):
        if rest:
            text.append(f"{lead}: {', '.join(map(_short, rest))}\n")
    return text


def _short(row: dict[str, Any]) -> str:
    return f"{row['question']} {_percent(row['p'])}"


def _differs(row: dict[str, Any]) -> bool:
    return not row["p_low"] <= row["climatology"] <= row["p_high"]


def _skill(row: dict[str, Any]) -> str:
    if any(row[name] is None for name in ("skill", "skill_low", "skill_high")):
        return ""
    low, high = (f"{100 * row[name]:+.0f}" for name in ("skill_low", "skill_high"))
    return f"; skill {100 * row['skill']:+.0f} % [{low}, {high}]"


def _direction(entry: dict[str, Any]) -> Text:
    text = Text()
    text.append(f"P(up over {entry['horizon_sessions']} sessions, to {entry['resolves_on']})  ", style="bold")
    text.append(_percent(entry["p_up"], 1), style="bold")
    low, high, usual = (_percent(entry[name], 1) for name in ("p_low", "p_high", "climatology"))
    text.append(f"   90 % interval {low} to {high}   usually {usual}\n")
    text.append(
        f"{_percent(abs(entry['p_up'] - entry['climatology']), 1)} away from the base rate, which lies outside the "
        "interval.\n"
        if _differs(entry)
        else "No evidence against the base rate: nothing is known about the direction.\n"
    )
    text.append("The interval is for the long-run share of rises on days that look like this one to the model.\n")
    return text


def _distribution(found: dict[str, Any]) -> Text:
    """Volatility beside the usual one, and the central 90 % of the returns."""
    usual = found["volatility_climatology"]
    text = f"Volatility {_percent(found['volatility'])} a year"
    text += "" if usual is None else f" (usually {_percent(usual)})"
    low, high = (found["quantiles"].get(level) for level in ("0.05", "0.95"))
    if low is not None and high is not None:
        text += f"; the return lies between {100 * low:+.1f} % and {100 * high:+.1f} % in nine cases of ten"
    return Text(f"{text}.\n")


def _percent(value: float, digits: int = 0) -> str:
    return f"{100 * value:.{digits}f} %"


def _positions(entry: dict[str, Any]) -> Table:
    """What each agent holds from the next open on, with the levels that stand."""
    # An entry of an earlier version lists both sides under `stops`.
    standing = [*entry["stops"], *entry.get("reentries", ())]
    rows: list[dict[str, str]] = []
    for agent in ("bull", "bear"):
        rows += _held(agent, entry["agents"][agent], standing) or [{"agent": agent, "fund": "no position"}]
    rows.append({"fund": "CASH", "weight": f"{entry['positions']['CASH']:.1%}"})
    names = [name for name in _COLUMNS if any(name in row for row in rows)]
    table = Table(title="Positions from the next open", title_justify="left", box=None)
    for name in names:
        table.add_column(name, justify="left" if name in ("agent", "fund") else "right")
    for row in rows:
        table.add_row(*(row.get(name, "") for name in names))
    return table


_COLUMNS = ("agent", "fund", "weight", "tier", "stop order", "stop at a close", "re-entry")


def _held(agent: str, stated: dict[str, Any], standing: list[dict[str, Any]]) -> list[dict[str, str]]:
    """A row for each sleeve of an agent that holds something or whose level stands."""
    # An entry of an earlier version has one fund an agent and no sleeves.
    alone = {"name": agent, "ticker": stated["instrument"], "weight": stated["weight"], "tier": stated.get("tier", 0)}
    sleeves, rows = stated.get("sleeves", [alone]), []
    for sleeve in sleeves:
        row = {"agent": agent, "fund": sleeve["ticker"], "weight": f"{sleeve['weight']:.1%}"}
        if sleeve["name"] != agent:
            row["fund"] += f" ({sleeve['name']})"
        if sleeve["tier"] and sleeve["weight"]:
            row["tier"] = str(sleeve["tier"])
        levels = {
            _column(each): f"{each['level']:.2f}"
            for each in standing
            if each["ticker"] == sleeve["ticker"] and each.get("sleeve", sleeve["name"]) == sleeve["name"]
        }
        if sleeve["weight"] or levels:
            rows.append(row | levels)
    return rows


def _column(level: dict[str, Any]) -> str:
    if level.get("side", "exit") == "reentry":
        return "re-entry"
    return "stop order" if level.get("resting") else "stop at a close"


def _reasons(agents: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 1))
    for agent in ("bull", "bear"):
        for reason in agents[agent]["reasons"]:
            table.add_row(agent, Text(reason, style="dim"))
    return table


def _next(entry: dict[str, Any]) -> Text | None:
    """The trend, and what each agent would do next; None where the policy says neither."""
    lines, trend = [], entry.get("trend")
    if trend:
        since = "new at this close" if trend["changed"] else f"since {trend['since']}"
        lines.append(f"Trend: {trend['name']}, {since}: {trend['reason']}")
    if triggers := entry.get("triggers"):
        lines += ["Next:", *(f"  {trigger['sentence']}" for trigger in triggers)]
    return Text("\n".join(lines)) if lines else None


def _account(account: dict[str, Any]) -> Text:
    """Which account the positions belong to, what it went through since the last decision, and its trades."""
    live = account["kind"] == "advised"
    lines = [
        "Positions follow the paper account of live advice."
        if live
        else "Positions are those of the champion's own backtest: this is a replay, not live advice."
    ]
    if "replaces" in account:
        lines.append(f"This replaces the advice of ledger entry {account['replaces']}, given earlier this evening.")
    if since := account.get("since"):
        lines += _since(since, account["book"]["equity"])
    verbs = {True: "buy", False: "sell"}
    lines += [
        f"{verbs[trade['change'] > 0]} {trade['ticker']}: {trade['weight_before']:.1%} to {trade['weight_after']:.1%}"
        for trade in account["trades"]
    ]
    if not account["trades"]:
        lines.append("No trade.")
    return Text("\n".join(lines))


def _since(since: dict[str, Any], equity: float) -> list[str]:
    """Equity, profit and fills since the last decision, each order with what differed from the advice."""
    before, profit = since["equity"], since["profit"]
    parts = [f"{name} {amount / before:+.2%}" for name, amount in profit.items() if name != "total" and amount]
    by_source = f" ({', '.join(parts)})" if parts else ""
    lines = [f"Equity {equity:.4f} of 1 at the start, {since['return']:+.2%} since {since['session']}{by_source}."]
    return [*lines, *map(executed, since["orders"]), *ended(since["fills"])]


def executed(order: dict[str, Any]) -> str:
    """An order of a statement against its fill."""
    done = f"{order['wanted']:.1%} advised, {order['reached']:.1%} reached"
    at = "" if order["price"] is None else f" at {order['price']:.2f} on {order['session']}"
    return f"{order['ticker']} ({order['sleeve']}): {done}{at}; {order['note']}"


def ended(fills: list[dict[str, Any]]) -> list[str]:
    """The fills of a statement that no order asked for."""
    return [
        f"{fill['ticker']} ({fill['sleeve']}): {_ENDED[fill['why']]} at {fill['price']:.2f} on {fill['session']}, "
        f"{fill['weight_before']:.1%} sold"
        for fill in fills
        if fill["why"] in _ENDED
    ]


_ENDED = {"stop": "stopped out", "expiry": "paid out"}


def _orders(orders: list[dict[str, Any]], portfolio: dict[str, Any]) -> Table:
    """Orders in whole shares, sales first, and what they leave."""
    table = Table(title=f"Orders for {portfolio['equity']:,.0f} USD", title_justify="left", box=None)
    for name in ("", "shares", "fund", "price", "USD", "then held"):
        table.add_column(name, justify="left" if name in ("", "fund") else "right")
    for each in orders:
        kind = "sell stop" if each["type"] == "stop" else each["action"]
        price, value = f"{each['price']:,.2f}", f"{each['value']:,.0f}"
        table.add_row(kind, f"{each['shares']:,}", each["ticker"], price, value, f"{each['shares_after']:,g}")
    if not orders:
        table.add_row("none")
    cash, cost = f"{portfolio['cash_after']:,.0f}", f"{portfolio['cost']:,.2f}"
    table.add_row("", "", "CASH", "", cash, f"costs of about {cost}")
    for note in portfolio["notes"]:
        table.add_row("", "", Text(note, style="dim"))
    return table


def _drivers(entry: dict[str, Any]) -> Table:
    table = Table(title="Main drivers (log-odds)", title_justify="left", box=None)
    for name in ("factor", "value", "contribution"):
        table.add_column(name, justify="left" if name == "factor" else "right")
    for driver in entry["drivers"]:
        value = "missing" if driver["value"] is None else f"{driver['value']:.4g}"
        table.add_row(driver["factor"], value, f"{driver['contribution']:+.4f}")
    return table


def _foot(entry: dict[str, Any]) -> Text:
    model, data, stamp = entry["model"], entry["data"], entry["ledger"]
    lines = [
        f"model {model['name']} (run {str(model['run_id'])[:8]}, trained through {model['trained_through']})",
        f"data known to {data['last_known_at']}, fingerprint {data['fingerprint'][:12]}",
        f"ledger entry {stamp['index']}, hash {stamp['hash'][:12]}",
    ]
    if data.get("sessions_behind"):
        lines.append(f"issued {_sessions(data['sessions_behind'])} after the close at which it was decided")
    if model.get("refit_overdue_sessions"):
        overdue = model["refit_overdue_sessions"]
        age = _sessions(model["age_sessions"])
        lines.append(f"the model is {age} old; its refit is {_sessions(overdue)} overdue")
    if "issued_at" in entry:
        hindsight = ", in hindsight and not part of the record" if entry["kind"] == "replay" else ""
        lines.append(f"{entry['kind']}, issued at {entry['issued_at']}{hindsight}")
    if data["stale"]:
        lines.append(f"absent or stale: {', '.join(data['stale'])}")
    return Text("\n".join(lines), style="dim")


def _sessions(n: int) -> str:
    return f"{n:,} session{'' if n == 1 else 's'}"
