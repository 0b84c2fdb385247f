"""`ledger verify`: all faults at once, what witnesses the ledger, and what is odd without being a fault."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
from tests.forecasting.ledgers import evening, filled
from tests.tracking.killed_writer import leave_journal

from bullbear.forecasting.chain import Anchor
from bullbear.forecasting.ledger import Ledger
from bullbear.forecasting.verification import verify
from bullbear.home import Home
from bullbear.tracking.ledger_anchor import record_ledger_head


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """That of a home without anything else."""
    return filled(tmp_path / "forecasts" / "ledger.jsonl", 2)


def rows(ledger: Ledger) -> list[bytes]:
    return ledger.path.read_bytes().splitlines(keepends=True)


def agreed(home: Home) -> dict[str, bool | None]:
    return {each.kept_in: each.agrees for each in verify(home).witnesses}


def test_a_sound_ledger_is_verified_with_its_head(ledger: Ledger, tmp_path: Path) -> None:
    found = verify(Home(tmp_path))
    last = ledger.entries()[-1]["ledger"]["hash"]
    assert (found.is_sound, found.entries, found.hash, found.notes) == (True, 16, last, ())
    document = found.as_dict()
    assert document["verified"] is True
    assert document["anchors"] == [{"kept_in": "ledger.head", "count": 16, "hash": last, "agrees": True}]
    assert document["faults"] == []


def test_every_fault_is_listed_with_its_line_and_the_entries_before_it(ledger: Ledger, tmp_path: Path) -> None:
    lines = rows(ledger)
    for place in (4, 9):
        lines[place] = lines[place].replace(b'"IWM"', b'"IWN"', 1)
    ledger.path.write_bytes(b"".join([*lines[:12], *lines[13:]]))
    found = verify(Home(tmp_path))
    assert [fault.line for fault in found.faults] == [5, 10, 13]
    assert (found.is_sound, found.entries) == (False, 0)  # the first evening is not whole
    assert found.witnesses[0].agrees is None  # the chain is broken before it


def test_a_head_that_counted_more_is_a_fault(ledger: Ledger, tmp_path: Path) -> None:
    ledger.path.write_bytes(b"".join(rows(ledger)[:8]))
    found = verify(Home(tmp_path))
    assert [str(fault) for fault in found.faults] == [
        "ledger.jsonl: 8 whole entries; at least the 16 that ledger.head recorded: entries at the end were cut off "
        "or damaged"
    ]
    assert found.witnesses[0].agrees is False


def test_a_chain_written_anew_is_a_fault_at_the_line_that_the_head_recorded(ledger: Ledger, tmp_path: Path) -> None:
    other = filled(tmp_path / "other" / "ledger.jsonl", 3, seed=6)
    ledger.path.write_bytes(other.path.read_bytes())
    found = verify(Home(tmp_path))
    assert [fault.line for fault in found.faults] == [16]
    assert "the chain was written anew" in found.faults[0].problem


def test_an_unreadable_head_is_a_fault(ledger: Ledger, tmp_path: Path) -> None:
    ledger.head_path.write_text("{")
    found = verify(Home(tmp_path))
    assert [str(fault) for fault in found.faults] == ["ledger.head: unreadable, '{'"]


def test_the_tracking_store_is_a_second_witness(home: Home) -> None:
    record_ledger_head(home)
    found = verify(home)
    assert [(each.kept_in, each.agrees) for each in found.witnesses] == [
        ("ledger.head", True),
        ("the MLflow store", True),
    ]
    # The ledger and its head begin anew: only the store remembers.
    for path in home.forecasts.glob("ledger.*"):
        path.unlink()
    filled(home.forecasts / "ledger.jsonl", 3)
    found = verify(home)
    assert [(each.kept_in, each.agrees) for each in found.witnesses] == [
        ("ledger.head", True),
        ("the MLflow store", False),
    ]
    assert "which the MLflow store recorded: the chain was written anew" in found.faults[0].problem


def test_a_store_that_cannot_be_read_is_noted(home: Home) -> None:
    record_ledger_head(home)
    leave_journal(home.runs / "mlflow.db")
    found = verify(home)
    assert [each.kept_in for each in found.witnesses] == ["ledger.head"]
    assert found.is_sound
    assert [each for each in found.notes if each.startswith("the MLflow store cannot be read (")]


@pytest.mark.parametrize(
    ("dress", "note"),
    [
        pytest.param(lambda raw: raw.replace(b"\n", b"\r\n"), "ledger.jsonl:1: line ends", id="other line ends"),
        pytest.param(lambda raw: raw[:-1] + b"\r\n", "ledger.jsonl:16: line ends", id="another last line end"),
        pytest.param(lambda raw: raw[:-1], "ledger.jsonl:16: line ends", id="no last line end"),
        pytest.param(lambda raw: raw + b"\n", "ledger.jsonl:17: line ends", id="a blank line at the end"),
        pytest.param(lambda raw: b"\xef\xbb\xbf" + raw, "ledger.jsonl:1: line ends", id="byte-order mark"),
        pytest.param(lambda raw: raw + b'{"p', "ledger.jsonl ends in 3 bytes of an entry cut short", id="cut short"),
    ],
)
def test_what_lies_around_the_entries_is_noted(ledger: Ledger, tmp_path: Path, dress: object, note: str) -> None:
    ledger.path.write_bytes(dress(ledger.path.read_bytes()))  # type: ignore[operator]
    found = verify(Home(tmp_path))
    assert (found.is_sound, found.entries) == (True, 16)
    assert len(found.notes) == 1
    assert found.notes[0].startswith(note)


def test_a_ledger_without_a_head_says_what_cannot_be_told(ledger: Ledger, tmp_path: Path) -> None:
    ledger.head_path.unlink()
    assert verify(Home(tmp_path)).notes == (
        "ledger.head is missing: whether entries are missing at the end cannot be told",
    )


def test_a_home_without_forecasts_is_sound(tmp_path: Path) -> None:
    found = verify(Home(tmp_path))
    assert (found.is_sound, found.entries, found.notes) == (True, 0, ())


def test_a_batch_that_lacks_its_end_is_noted_and_no_entry(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "forecasts" / "ledger.jsonl", say=lambda line: None)
    ledger.append_all(evening(0, Random(1)))
    head = json.loads(ledger.head_path.read_text())
    whole = ledger.path.read_bytes()
    ledger.append_all(evening(1, Random(2)))
    ledger.path.write_bytes(whole + rows(ledger)[8])
    ledger.head_path.write_text(Anchor(head["count"], head["hash"]).text())
    found = verify(Home(tmp_path))
    assert (found.is_sound, found.entries) == (True, 8)
    assert "an entry cut short" in found.notes[0]
