"""The chain of forecasts: recomputed independently, tampered with in every way, torn, and written by two at once."""

from __future__ import annotations

import hashlib
import json
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.errors import LedgerError
from bullbear.ledger import Ledger

SAME = ("ticker", "decided_at", "model.run_id")


def forecast(day: int, p_up: float = 0.6, **more: Any) -> dict[str, Any]:
    return {"ticker": "IWM", "decided_at": f"2019-12-{day:02d}", "p_up": p_up, "model": {"run_id": "a1"}, **more}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "forecasts" / "ledger.jsonl")
    for day in (2, 3, 4, 5):
        ledger.append(forecast(day), same=SAME)
    return ledger


def test_hash_is_sha256_over_place_previous_hash_and_sorted_compact_json(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append({"p_up": 0.25, "decided_at": "2019-12-30"}, same=("decided_at",))
    ledger.append({"p_up": 0.75, "decided_at": "2019-12-31"}, same=("decided_at",))
    first = hashlib.sha256(("0\n" + "0" * 64 + '\n{"decided_at":"2019-12-30","p_up":0.25}').encode()).hexdigest()
    second = hashlib.sha256((f"1\n{first}\n" + '{"decided_at":"2019-12-31","p_up":0.75}').encode()).hexdigest()
    lines = [json.loads(line) for line in ledger.path.read_text().splitlines()]
    assert [line["ledger"] for line in lines] == [
        {"index": 0, "hash": first, "previous_hash": "0" * 64},
        {"index": 1, "hash": second, "previous_hash": first},
    ]
    assert ledger.entries() == lines


def test_asked_twice_the_entry_is_the_same_and_the_file_does_not_grow(ledger: Ledger) -> None:
    before = ledger.path.read_bytes()
    again = ledger.append(forecast(3, p_up=0.9), same=SAME)
    assert again["p_up"] == 0.6
    assert again["ledger"]["index"] == 1
    assert ledger.path.read_bytes() == before


def test_another_model_on_the_same_day_is_another_forecast(ledger: Ledger) -> None:
    assert ledger.append(forecast(3, model={"run_id": "b2"}), same=SAME)["ledger"]["index"] == 4


def test_a_number_that_is_no_json_is_not_written(ledger: Ledger) -> None:
    before = ledger.path.read_bytes()
    with pytest.raises(ValueError, match=r"not JSON compliant"):
        ledger.append(forecast(9, p_up=float("nan")), same=SAME)
    assert ledger.path.read_bytes() == before


@pytest.mark.parametrize(
    ("tamper", "line"),
    [
        pytest.param(lambda a, b, c, d: [a, b.replace(b"0.6", b"0.7"), c, d], 2, id="edited"),
        pytest.param(lambda a, b, c, d: [a, c, d], 2, id="dropped"),
        pytest.param(lambda a, b, c, d: [b, c, d], 1, id="first dropped"),
        pytest.param(lambda a, b, c, d: [a, b, b, c, d], 3, id="inserted"),
        pytest.param(lambda a, b, c, d: [a, c, b, d], 2, id="reordered"),
        pytest.param(lambda a, b, c, d: [a, b, c.replace(b'"index":2', b'"index":7'), d], 3, id="renumbered"),
        pytest.param(lambda a, b, c, d: [a, b"\n", b, c, d], 2, id="blank line"),
        pytest.param(lambda a, b, c, d: [a, b"slipped in\r", b, c, d], 2, id="carriage return"),
        pytest.param(lambda a, b, c, d: [a, b.replace(b"{", b'{"p_up":0.9,', 1), c, d], 2, id="key twice"),
        pytest.param(lambda a, b, c, d: [a, b, c.replace(b"0.6", b"NaN"), d], 3, id="not a number"),
        pytest.param(lambda a, b, c, d: [a, b, c, b'{"ledger":5}\n'], 4, id="no stamp"),
        pytest.param(lambda a, b, c, d: [a, b, c, b"[1]\n"], 4, id="no object"),
        pytest.param(lambda a, b, c, d: [a, b, b"\xff\xfe\n", d], 3, id="no text"),
    ],
)
def test_tampering_is_told_with_its_line_and_nothing_more_is_written(ledger: Ledger, tamper: Any, line: int) -> None:
    lines = ledger.path.read_bytes().splitlines(keepends=True)
    ledger.path.write_bytes(b"".join(tamper(*lines)))
    tampered = ledger.path.read_bytes()
    with pytest.raises(LedgerError, match=rf"ledger\.jsonl:{line}: .*restore the file"):
        ledger.entries()
    with pytest.raises(LedgerError, match=rf"ledger\.jsonl:{line}: "):
        ledger.append(forecast(9), same=SAME)
    assert ledger.path.read_bytes() == tampered


def test_a_forged_hash_breaks_the_next_line(ledger: Ledger) -> None:
    lines = ledger.path.read_bytes().splitlines(keepends=True)
    entry = json.loads(lines[1])
    del entry["ledger"]
    entry["p_up"] = 0.9
    text = json.dumps(entry, sort_keys=True, separators=(",", ":"))
    previous = json.loads(lines[0])["ledger"]["hash"]
    forged = hashlib.sha256(f"1\n{previous}\n{text}".encode()).hexdigest()
    entry["ledger"] = {"index": 1, "hash": forged, "previous_hash": previous}
    lines[1] = (json.dumps(entry, sort_keys=True, separators=(",", ":")) + "\n").encode()
    ledger.path.write_bytes(b"".join(lines))
    with pytest.raises(LedgerError, match=r"ledger\.jsonl:3"):
        ledger.entries()


@pytest.mark.parametrize("kept", [1, 30, -1])
def test_a_torn_last_line_is_dropped_and_the_next_append_takes_its_place(ledger: Ledger, kept: int) -> None:
    lines = ledger.path.read_bytes().splitlines(keepends=True)
    ledger.path.write_bytes(b"".join(lines[:3]) + lines[3][:kept])
    assert len(ledger.entries()) == 3
    assert ledger.append(forecast(6), same=SAME)["ledger"]["index"] == 3
    assert [entry["decided_at"][-2:] for entry in ledger.entries()] == ["02", "03", "04", "06"]


def _append_twenty(path: Path, writer: int) -> None:
    ledger = Ledger(path)
    for day in range(1, 21):
        ledger.append(forecast(day, model={"run_id": str(writer)}), same=SAME)


def test_two_processes_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    context = get_context("fork")
    writers = [context.Process(target=_append_twenty, args=(path, number)) for number in (1, 2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    entries = Ledger(path).entries()
    assert [entry["ledger"]["index"] for entry in entries] == list(range(40))
    made = {(entry["model"]["run_id"], entry["decided_at"]) for entry in entries}
    assert made == {(writer, f"2019-12-{day:02d}") for writer in "12" for day in range(1, 21)}


_texts = st.text(max_size=8)
_contents = st.dictionaries(
    _texts.filter(lambda key: key != "ledger"),
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _texts,
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(contents=st.lists(_contents, min_size=1, max_size=6), place=st.integers(min_value=0), byte=st.integers(0, 255))
def test_what_went_in_comes_out_and_no_byte_can_be_changed_unseen(
    tmp_path_factory: pytest.TempPathFactory, contents: list[dict[str, Any]], place: int, byte: int
) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "ledger.jsonl")
    for number, content in enumerate(contents):
        ledger.append({**content, "number": number}, same=("number",))
    entries = ledger.entries()
    read = [{key: value for key, value in entry.items() if key != "ledger"} for entry in entries]
    assert read == [{**content, "number": number} for number, content in enumerate(contents)]
    raw = bytearray(ledger.path.read_bytes())
    place %= len(raw) - 1  # without the last line feed the last line is a torn one
    if raw[place] == byte:
        return
    raw[place] = byte
    ledger.path.write_bytes(raw)
    with pytest.raises(LedgerError):
        ledger.entries()
