"""Today's card, from the document that `bullbear forecast --json` prints; its sentences are the card's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from bullbear.forecasting.card.age_lines import age_lines
from bullbear.forecasting.card.change_lines import change_lines, change_note
from bullbear.forecasting.card.decision import (
    AGENTS,
    Holding,
    account_of,
    holdings_of,
    next_of,
    orders_of,
    reasons_of,
    trend_of,
)
from bullbear.forecasting.card.outlook import outlook_says, regime_meaning
from bullbear.forecasting.card.price import price_note
from bullbear.report.section import Block, Bullets, Details, Facts, Grid, Heading, Panel, Section, Text, Tile, Tiles
from bullbear.report.tables import Table, instant
from bullbear.report.words import day, per_cent, price, sentence
from bullbear.wording import capital

Document = Mapping[str, Any]


def today_section(document: Document) -> Section:
    """The card of a ledger entry of `up` with the keys of `forecasting.card`; keys that are absent are left out."""
    blocks: list[Block] = []
    if summary := _lines(document.get("summary")):
        blocks.append(Text(" ".join(summary), "lead"))
    if document.get("kind") == "replay":
        blocks.append(Text("A replay: computed in hindsight, not live advice and not part of the live record.", "note"))
    blocks += [Tiles(_tiles(document)), Text(" ".join(outlook_says(document).direction))]
    held = holdings_of(document)
    blocks += [*_changes(document), Heading("What the agents do"), *_trades(document)]
    blocks += [Grid([_agent(document, name, held) for name in AGENTS]), *_triggers(document)]
    blocks += [*_odds(document), *_situations(document)]
    blocks += [*_drivers(document), *_ages(document)]
    blocks.append(Details("Model, data and ledger entry", [Facts(_provenance(document))]))
    return Section("today", "Today's card", blocks, "Today")


def _tiles(document: Document) -> list[Tile]:
    tiles = []
    if now := document.get("price"):
        change = now["change"]
        tone: Literal["plain", "bull", "bear"] = "plain" if not change else "bull" if change > 0 else "bear"
        tiles.append(Tile("Close", price(now["close"]), price_note(now), tone))
    tiles.append(
        Tile(
            f"Higher on {day(document['resolves_on'])}",
            per_cent(document["p_up"]),
            f"usually {per_cent(document['climatology'])}",
        )
    )
    if found := document.get("distribution"):
        usual = found["volatility_climatology"]
        note = "a year" if usual is None else f"a year; usually {per_cent(usual)}"
        tiles.append(Tile("Volatility ahead", per_cent(found["volatility"]), note))
    for name in AGENTS:
        agent = document["agents"][name]
        held = bool(agent["weight"])
        tiles.append(
            Tile(
                name.capitalize(),
                per_cent(agent["weight"]) if held else "out",
                f"of the account in {agent['instrument']}" if held else "holds nothing",
                "bull" if held and name == "bull" else "bear" if held else "plain",
            )
        )
    if regime := document["regime"]:
        tiles.append(Tile("Regime", str(regime).replace("_", " "), regime_meaning(regime)))
    if trend := document.get("trend"):
        tiles.append(Tile("Trend of the agents", str(trend["name"]).replace("_", " "), f"since {day(trend['since'])}"))
    return tiles


def _changes(document: Document) -> list[Block]:
    if "changes" not in document:
        return []
    changes = document["changes"]
    if note := change_note(changes):
        return [Text(note, "soft")]
    lines = [" ".join([line, *why]) for line, why in change_lines(changes)]
    return [Heading(f"What changed {changes['since']['sentence']}"), Bullets(lines)]


def _agent(document: Document, name: str, held: Sequence[Holding]) -> Panel:
    own = [each for each in held if each.agent == name]
    lines = [f"{per_cent(each.weight, 1)} of the account in {each.name}" for each in own if each.weight]
    levels = [f"{word} {price(level)}." for each in own for word, level in _levels(each)]
    reasons = [sentence(reason) for agent, reason in reasons_of(document) if agent == name]
    blocks: list[Block] = [Text("; ".join(lines) or "Holds nothing.", "lead")]
    blocks += [Bullets(each) for each in (levels, reasons) if each]
    return Panel(name.capitalize(), blocks)


def _levels(held: Holding) -> list[tuple[str, float]]:
    named = (
        (f"A stop order sells {held.name} at", held.stop_order),
        (f"{held.name} is sold at a close below", held.stop_close),
        (f"{held.name} is bought back at a close above", held.reentry),
    )
    return [(word, level) for word, level in named if level is not None]


def _trades(document: Document) -> list[Block]:
    if "account" not in document:
        return []
    made = [f"{capital(order.sentence)}{f': {order.why}' if order.why else ''}." for order in orders_of(document)]
    orders: list[Block] = [Text("At the next open:"), Bullets(made)] if made else [Text("No trade at the next open.")]
    return [*orders, Text(account_of(document), "soft")]


def _triggers(document: Document) -> list[Block]:
    trend = trend_of(document)
    lines = [*([f"Trend of the agents: {trend}"] if trend else []), *next_of(document)]
    return [Heading("The trend, and what comes next"), Bullets(lines)] if lines else []


def _odds(document: Document) -> list[Block]:
    active = document.get("active_odds")
    note = document.get("odds_note")
    if active is None and not note:
        return []
    heading = Heading("Events now, and what followed them")
    if active:
        return [heading, Bullets([str(each["statement"]) for each in active])]
    return [heading, Text(sentence(str(note or "No event now has odds beyond luck.")))]


def _situations(document: Document) -> list[Block]:
    found = document.get("situations")
    if not found or not found.get("nearest"):
        return []
    table = Table(
        "The past closes most like this one, and the month that followed each",
        ("close", "return", "lowest on the way", "volatility", "ended"),
        tuple(
            (
                day(each["date"]),
                per_cent(each["then"]["return"], 1, signed=True),
                per_cent(each["then"]["low"], 1, signed=True),
                per_cent(each["then"]["volatility"]),
                "higher" if each["then"]["up"] else "lower",
            )
            for each in found["nearest"]
        ),
        left=(0, 4),
    )
    measured = f" Measured on {', '.join(found['measured_on'])}." if found.get("measured_on") else ""
    note = [Text(sentence(str(found["note"])) + measured, "soft")] if found.get("note") else []
    return [Heading("The nearest past situations"), table, *note]


def _drivers(document: Document) -> list[Block]:
    drivers = document.get("drivers")
    if not drivers:
        return []
    table = Table(
        "What moves the forecast of the direction away from the base rate (log-odds, after calibration)",
        ("factor", "value", "contribution"),
        tuple(
            (
                str(each["factor"]),
                "–" if each["value"] is None else f"{each['value']:.4g}",
                "–" if each["contribution"] is None else f"{each['contribution']:+.3f}",
            )
            for each in drivers
        ),
    )
    return [Details("Drivers of the direction", [table])]


def _ages(document: Document) -> list[Block]:
    lines = age_lines(document)
    return [Text(" ".join(map(sentence, lines)), "soft")] if lines else []


def _provenance(document: Document) -> list[tuple[str, str]]:
    model, data = document["model"], document["data"]
    rows = [
        ("model", f"{model['name']}, run {model['run_id']}"),
        ("definition", str(model["definition_hash"])),
        ("trained through", instant(model["trained_through"])),
        ("data", str(data["fingerprint"])),
        ("last known at", instant(data["last_known_at"])),
    ]
    if "issued_at" in document:
        rows.append(("issued at", f"{instant(document['issued_at'])} ({document.get('kind', 'live')})"))
    if "ledger" in document:
        rows.append(("ledger", f"entry {document['ledger']['index']}, {document['ledger']['hash']}"))
    return rows


def _lines(said: str | Sequence[str] | None) -> list[str]:
    if not said:
        return []
    lines: Iterable[str] = [said] if isinstance(said, str) else said
    return [sentence(str(line)) for line in lines]
