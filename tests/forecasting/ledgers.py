"""Ledgers of forecasts that look like real ones, for the tests of what may become of them."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from bullbear.forecasting.ledger import Ledger

QUESTIONS = ("up", "fall5", "dip5", "dip8", "rally5", "move5", "vol20", "vol30")
IDENTITY = ("decided_at", "question")


def evening(number: int, chance: Random) -> list[tuple[dict[str, Any], tuple[str, ...]]]:
    """The entries of an evening: that of `up` with an account, a sentence and a null, and those of the others."""
    at = f"2019-{1 + number // 28 % 12:02d}-{1 + number % 28:02d}T21:00:{number // 336:02d}Z"
    said = []
    for question in QUESTIONS:
        content: dict[str, Any] = {
            "question": question,
            "ticker": "IWM",
            "decided_at": at,
            "p": chance.random(),
            "climatology": 0.5999185170095742,
            "model": {"name": "outlook", "run_id": f"{chance.getrandbits(128):032x}", "age_sessions": 21},
            "data": {"simulated": False, "stale": []},
            "schema_version": 3,
        }
        if question == "up":
            content["account"] = {"book": {"cash": chance.random(), "stop": None}, "trades": []}
            content["agents"] = {"bull": {"reasons": ['drift 1.2 % a year\n"quoted", \\ and Gr\u00fc\u00dfe']}}
            content["positions"] = {"IWM": chance.random(), "CASH": 1e-17}
        said.append((content, IDENTITY))
    return said


def filled(path: Path, evenings: int, seed: int = 5) -> Ledger:
    """A ledger of so many evenings, eight entries each, that says nothing of what it mends."""
    ledger, chance = Ledger(path, say=lambda line: None), Random(seed)
    for number in range(evenings):
        ledger.append_all(evening(number, chance))
    return ledger
