"""The chain of forecasts: recomputed, tampered with in every way, torn, killed, and written by four at once."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.code_version import code_version
from bullbear.errors import LedgerError
from bullbear.forecasting.chain import Anchor, seal
from bullbear.forecasting.ledger import Ledger, kind_of, kind_of_entry, of_question, with_provenance

IDENTITY = ("ticker", "decided_at", "model.run_id")


def forecast(day: int, p_up: float = 0.6, **more: Any) -> dict[str, Any]:
    return {"ticker": "IWM", "decided_at": f"2019-12-{day:02d}", "p_up": p_up, "model": {"run_id": "a1"}, **more}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "forecasts" / "ledger.jsonl")
    for day in (2, 3, 4, 5):
        ledger.append(forecast(day), identity=IDENTITY)
    return ledger


def test_hash_is_sha256_over_place_previous_hash_and_sorted_compact_json(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append({"p_up": 0.25, "decided_at": "2019-12-30"}, identity=("decided_at",))
    ledger.append({"p_up": 0.75, "decided_at": "2019-12-31"}, identity=("decided_at",))
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
    again = ledger.append(forecast(3, p_up=0.9), identity=IDENTITY)
    assert again["p_up"] == 0.6
    assert again["ledger"]["index"] == 1
    assert ledger.path.read_bytes() == before


def test_another_model_on_the_same_day_is_another_forecast(ledger: Ledger) -> None:
    assert ledger.append(forecast(3, model={"run_id": "b2"}), identity=IDENTITY)["ledger"]["index"] == 4


def test_a_number_that_is_no_json_is_not_written(ledger: Ledger) -> None:
    before = ledger.path.read_bytes()
    with pytest.raises(ValueError, match=r"not JSON compliant"):
        ledger.append(forecast(9, p_up=float("nan")), identity=IDENTITY)
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
        ledger.append(forecast(9), identity=IDENTITY)
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


@pytest.mark.parametrize("kept", [1, 30, -2])
def test_a_line_cut_short_is_reported_kept_aside_and_replaced_by_the_next_append(
    ledger: Ledger, kept: int, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ledger.path.read_bytes().splitlines(keepends=True)
    torn = lines[3][:kept]
    ledger.path.write_bytes(b"".join(lines[:3]) + torn)
    behind(ledger, 3)
    assert len(ledger.entries()) == 3
    expected = f"note: ledger.jsonl ends in a line cut short ({len(torn)} bytes), which is no entry; the next forecast"
    assert capsys.readouterr().err.startswith(expected)
    assert ledger.append(forecast(6), identity=IDENTITY)["ledger"]["index"] == 3
    note = capsys.readouterr().err
    assert note.startswith(f"note: a line of ledger.jsonl was cut short ({len(torn)} bytes)")
    assert note.endswith("it is no entry and was moved to ledger.torn\n")
    assert ledger.torn_path.read_bytes() == torn + b"\n"
    assert [entry["decided_at"][-2:] for entry in ledger.entries()] == ["02", "03", "04", "06"]
    assert capsys.readouterr().err == ""


def test_a_torn_line_that_another_process_is_still_writing_is_not_reported(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = ledger.path.read_bytes()
    ledger.path.write_bytes(raw[:-20])
    behind(ledger, 3)
    with open(ledger.path.with_suffix(".lock")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        reader = ThreadPoolExecutor(1).submit(ledger.entries)
        with pytest.raises(TimeoutError):
            reader.result(timeout=0.3)
        ledger.path.write_bytes(raw)
        fcntl.flock(lock, fcntl.LOCK_UN)
    assert len(reader.result(timeout=60)) == 4
    assert capsys.readouterr().err == ""


def _rows(raw: bytes) -> list[bytes]:
    return raw.splitlines(keepends=True)


@pytest.mark.parametrize(
    "dress",
    [
        pytest.param(lambda raw: raw[:-1], id="last line feed gone"),
        pytest.param(lambda raw: raw[:-1] + b"\r", id="last line feed a carriage return"),
        pytest.param(lambda raw: raw + b"\n", id="blank line at the end"),
        pytest.param(lambda raw: raw + b"\r\n\r\n", id="blank lines of the other kind at the end"),
        pytest.param(lambda raw: raw.replace(b"\n", b"\r\n"), id="other line ends"),
        pytest.param(lambda raw: raw.replace(b"\n", b"\r\n")[:-2], id="other line ends without the last"),
        pytest.param(lambda raw: b"\xef\xbb\xbf" + raw, id="byte-order mark"),
    ],
)
def test_what_an_editor_does_around_the_entries_changes_none_of_them(
    ledger: Ledger, dress: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    before = ledger.entries()
    ledger.path.write_bytes(dress(ledger.path.read_bytes()))
    assert ledger.entries() == before
    assert ledger.append(forecast(5, p_up=0.9), identity=IDENTITY) == before[3]
    made = ledger.append(forecast(6), identity=IDENTITY)
    assert made["ledger"] == {**made["ledger"], "index": 4, "previous_hash": before[3]["ledger"]["hash"]}
    assert ledger.append(forecast(9), identity=IDENTITY)["ledger"]["index"] == 5
    assert ledger.entries()[:5] == [*before, made]
    assert capsys.readouterr().err == ""
    assert not ledger.torn_path.exists()


def test_a_last_line_without_its_line_feed_is_an_entry_without_a_head_too(ledger: Ledger) -> None:
    ledger.head_path.unlink()
    ledger.path.write_bytes(ledger.path.read_bytes()[:-1])
    assert len(ledger.entries()) == 4
    assert ledger.append(forecast(6), identity=IDENTITY)["ledger"]["index"] == 4
    assert [entry["decided_at"][-2:] for entry in ledger.entries()] == ["02", "03", "04", "05", "06"]


def test_a_last_line_that_was_edited_is_not_taken_for_one_cut_short(ledger: Ledger) -> None:
    lines = _rows(ledger.path.read_bytes())
    ledger.path.write_bytes(b"".join(lines[:3]) + lines[3].replace(b"0.6", b"0.7")[:-1])
    ledger.head_path.unlink()
    with pytest.raises(LedgerError, match=r"ledger\.jsonl:4: .*the chained hash"):
        ledger.entries()


def behind(ledger: Ledger, count: int) -> None:
    """Put the head back to where it stood after `count` entries."""
    last = json.loads(_rows(ledger.path.read_bytes())[count - 1])["ledger"]["hash"] if count else "0" * 64
    ledger.head_path.write_text(json.dumps({"count": count, "hash": last}))


def test_the_head_is_the_number_of_entries_and_the_last_hash(ledger: Ledger) -> None:
    last = ledger.entries()[-1]["ledger"]["hash"]
    assert json.loads(ledger.head_path.read_text()) == {"count": 4, "hash": last}
    assert ledger.head() == Anchor(4, last) == Anchor.of(ledger.entries())
    names = sorted(path.name for path in ledger.path.parent.iterdir())
    assert names == ["ledger.head", "ledger.jsonl", "ledger.lock"]


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_a_cut_tail_is_found(ledger: Ledger, kept: int) -> None:
    cut = b"".join(_rows(ledger.path.read_bytes())[:kept])
    ledger.path.write_bytes(cut)
    expected = rf"ledger\.jsonl: got '{kept} whole entries'; allowed: at least the 4 that ledger\.head recorded"
    for refused in (ledger.entries, lambda: ledger.append(forecast(9), identity=IDENTITY)):
        with pytest.raises(LedgerError, match=expected):
            refused()
    assert ledger.path.read_bytes() == cut


def test_a_removed_ledger_is_found(ledger: Ledger) -> None:
    ledger.path.unlink()
    with pytest.raises(LedgerError, match=r"got '0 whole entries'; .* the 4 that ledger\.head recorded"):
        ledger.entries()


def test_a_last_line_cut_short_that_the_head_counts_is_no_torn_line(ledger: Ledger) -> None:
    ledger.path.write_bytes(ledger.path.read_bytes()[:-30])
    with pytest.raises(LedgerError, match=r"got '3 whole entries'; .* entries at the end were cut off or damaged"):
        ledger.append(forecast(9), identity=IDENTITY)
    assert not ledger.torn_path.exists()


@pytest.mark.parametrize("longer", [0, 2])
def test_a_chain_written_anew_is_found_even_when_it_is_longer(ledger: Ledger, tmp_path: Path, longer: int) -> None:
    forged = Ledger(tmp_path / "forged.jsonl")
    for day in range(2, 6 + longer):
        forged.append(forecast(day, p_up=0.7 if day == 4 else 0.6), identity=IDENTITY)
    assert len(forged.entries()) == 4 + longer
    ledger.path.write_bytes(forged.path.read_bytes())
    expected = r"ledger\.jsonl:4: got 'hash [0-9a-f]{12}\.\.\.'; allowed: .*ledger\.head recorded: the chain"
    with pytest.raises(LedgerError, match=expected):
        ledger.entries()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_head_that_is_behind_heals_at_the_next_request(ledger: Ledger, count: int) -> None:
    behind(ledger, count)
    entries = ledger.entries()
    assert len(entries) == 4
    ledger.append(forecast(5), identity=IDENTITY)
    assert ledger.head() == Anchor.of(entries)


def test_a_ledger_from_before_there_were_heads_is_read_and_gets_one(ledger: Ledger) -> None:
    ledger.head_path.unlink()
    assert ledger.head() is None
    assert len(ledger.entries()) == 4
    ledger.append(forecast(6), identity=IDENTITY)
    assert ledger.head() == Anchor.of(ledger.entries())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[4]",
        '{"count": 4}',
        '{"count": true, "hash": "a"}',
        '{"count": -1, "hash": "a"}',
        '{"count": 4, "hash": 4}',
        "\xff",
    ],
)
def test_a_damaged_head_is_refused(ledger: Ledger, text: str) -> None:
    ledger.head_path.write_text(text)
    with pytest.raises(LedgerError, match=r"ledger\.head: got .*; allowed: \{\"count\": N"):
        ledger.entries()


class Killed(BaseException):
    """Ends an append as a kill would: nothing after it is done."""


@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize("stage", range(8))
def test_an_append_that_ends_at_any_step_leaves_a_ledger_that_goes_on(
    ledger: Ledger, stage: int, torn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if torn:
        with open(ledger.path, "ab") as file:
            file.write(b'{"decided_at":"2019')
    steps = iter(range(100))

    def stop(call: Any) -> Any:
        def stopped(*arguments: Any) -> Any:
            if next(steps) == stage:
                raise Killed
            return call(*arguments)

        return stopped

    with monkeypatch.context() as patched, suppress(Killed):
        patched.setattr(os, "fsync", stop(os.fsync))
        patched.setattr(os, "replace", stop(os.replace))
        ledger.append(forecast(6), identity=IDENTITY)
    found = len(ledger.entries())
    assert found in (4, 5)
    assert ledger.append(forecast(6), identity=IDENTITY)["ledger"]["index"] == 4
    assert ledger.append(forecast(9), identity=IDENTITY)["ledger"]["index"] == 5
    assert [entry["decided_at"][-2:] for entry in ledger.entries()] == ["02", "03", "04", "05", "06", "09"]
    assert ledger.head() == Anchor.of(ledger.entries())
    assert ledger.torn_path.exists() == torn


@pytest.mark.parametrize(
    ("others", "bits", "feed"),
    [
        pytest.param(b"\n", (0,), True, id="few"),
        pytest.param(b'\x00\n\r\t 0{}[]",:\\\xff', tuple(range(8)), True, id="many", marks=pytest.mark.slow),
        pytest.param(b"\n\r ", (0, 5), False, id="without the last line feed", marks=pytest.mark.slow),
    ],
)
def test_every_edit_of_a_single_byte_is_found(tmp_path: Path, others: bytes, bits: tuple[int, ...], feed: bool) -> None:
    notes: list[str] = []
    ledger = Ledger(tmp_path / "ledger.jsonl", say=notes.append)
    for number in range(2):
        ledger.append({"n": number}, identity=("n",))
    entries, raw = ledger.entries(), ledger.path.read_bytes()
    raw = raw if feed else raw[:-1]
    unseen = set()
    for place in range(len(raw) + 1):
        before, after = raw[:place], raw[place:]
        edits = [before + after[1:], *(before + bytes([byte]) + after for byte in others)]
        if after:
            swaps = {*others, *(after[0] ^ 1 << bit for bit in bits)}
            edits += [before + bytes([byte]) + after[1:] for byte in swaps]
        for edited in edits:
            ledger.path.write_bytes(edited)
            notes.clear()
            try:
                found = ledger.entries()
            except LedgerError:
                continue
            assert found == entries
            if not notes:
                unseen.add(edited.replace(b"\r", b"").rstrip(b"\n"))
    # What is read without complaint differs in its line ends alone.
    assert unseen == {raw.rstrip(b"\n")}


@pytest.mark.parametrize("lags", [False, True])
def test_reading_and_finding_need_no_write_access(ledger: Ledger, lags: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    (ledger.path.parent / "ledger.lock").unlink()
    real = open

    def read_only(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if set(mode) & set("wax+"):
            raise PermissionError(30, "Read-only file system", str(file))
        return real(file, mode, *arguments, **options)

    head = ledger.head_path.read_text()
    if lags:
        behind(ledger, 3)
        head = ledger.head_path.read_text()
    monkeypatch.setattr("builtins.open", read_only)
    assert len(ledger.entries()) == 4
    assert ledger.append(forecast(3, p_up=0.9), identity=IDENTITY)["ledger"]["index"] == 1
    with pytest.raises(PermissionError, match="Read-only"):
        ledger.append(forecast(9), identity=IDENTITY)
    assert ledger.head_path.read_text() == head


@pytest.mark.parametrize(
    ("decided_at", "issued_at", "kind"),
    [
        ("2019-12-31T21:00:00Z", "2019-12-31T20:59:59Z", "replay"),
        ("2019-12-31T21:00:00Z", "2019-12-31T21:00:00Z", "live"),
        # New Year's Day has no session; the next opens on the 2nd at 9:30 in New York.
        ("2019-12-31T21:00:00Z", "2020-01-02T14:29:59Z", "live"),
        ("2019-12-31T21:00:00Z", "2020-01-02T14:30:00Z", "replay"),
        # An early close, and summer time.
        ("2019-12-24T18:00:00Z", "2019-12-24T18:00:00Z", "live"),
        ("2019-12-24T18:00:00Z", "2019-12-24T17:59:59Z", "replay"),
        ("2019-07-05T20:00:00Z", "2019-07-08T13:29:59Z", "live"),
        ("2019-07-05T20:00:00Z", "2019-07-08T09:30:00-04:00", "replay"),
        ("2019-07-05T20:00:00Z", "2026-11-26T00:00:00Z", "replay"),
        # The calendar has learnt that the exchange was closed on the 9th of January 2025.
        ("2025-01-09T21:00:00Z", "2025-01-10T14:29:59Z", "live"),
        ("2025-01-09T21:00:00Z", "2025-01-10T14:30:00Z", "replay"),
    ],
)
def test_live_is_from_the_close_to_the_next_open(decided_at: str, issued_at: str, kind: str) -> None:
    assert kind_of(decided_at, issued_at) == kind
    assert kind_of(pd.Timestamp(decided_at), pd.Timestamp(issued_at)) == kind


def test_a_stamp_says_when_by_which_code_and_whether_live() -> None:
    said = {"decided_at": "2019-12-31T21:00:00Z", "p_up": 0.6}
    evening = pd.Timestamp("2019-12-31T16:25:30.75", tz="America/New_York")
    assert with_provenance(said, evening) == {
        "decided_at": "2019-12-31T21:00:00Z",
        "p_up": 0.6,
        "schema_version": 3,
        "issued_at": "2019-12-31T21:25:30Z",
        "kind": "live",
        "code_version": code_version(),
    }
    assert with_provenance(said, evening + pd.Timedelta(days=2))["kind"] == "replay"


def test_the_first_of_a_live_forecast_and_its_replay_stays(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    said = {"ticker": "IWM", "decided_at": "2019-12-31T21:00:00Z", "p_up": 0.6, "model": {"run_id": "a1"}}
    live = ledger.append(with_provenance(said, pd.Timestamp("2020-01-01T00:00Z")), identity=IDENTITY)
    assert ledger.append(with_provenance(said, pd.Timestamp("2020-02-01T00:00Z")), identity=IDENTITY) == live
    assert (live["kind"], live["issued_at"]) == ("live", "2020-01-01T00:00:00Z")
    assert len(ledger.entries()) == 1


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ({"schema_version": 2, "kind": "live"}, "live"),
        ({"schema_version": 2, "kind": "replay"}, "replay"),
        ({"schema_version": 2}, "unknown"),
        ({"schema_version": 2, "kind": "Live"}, "unknown"),
        ({"kind": "live"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_an_entry_of_the_old_schema_is_neither_live_nor_a_replay(entry: dict[str, Any], kind: str) -> None:
    assert kind_of_entry(entry) == kind


def test_a_key_that_is_absent_equals_only_another_absent_one(ledger: Ledger) -> None:
    identity = (*IDENTITY, "data.fingerprint")
    assert ledger.append(forecast(3), identity=identity)["ledger"]["index"] == 1
    assert ledger.append(forecast(3, data={"fingerprint": "f1"}), identity=identity)["ledger"]["index"] == 4


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
        ledger.append({**content, "number": number}, identity=("number",))
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


def test_the_same_bytes_are_verified_once_and_other_ones_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, sealed = tmp_path / "ledger.jsonl", []

    def counted(content: Mapping[str, Any], index: int, previous_hash: str) -> str:
        sealed.append(index)
        return seal(content, index, previous_hash)

    ledger = Ledger(path)
    for day in ("2019-12-30", "2019-12-31"):
        ledger.append({"decided_at": day}, identity=("decided_at",))
    ledger = Ledger(path)
    monkeypatch.setattr("bullbear.forecasting.chain.seal", counted)
    assert len(ledger.entries()) == 2
    ledger.append({"decided_at": "2020-01-02"}, identity=("decided_at",))
    assert sealed == [0, 1]
    path.write_bytes(path.read_bytes().replace(b"2019-12-31", b"2019-12-29"))
    with pytest.raises(LedgerError, match=r"ledger\.jsonl:2: .*the chained hash"):
        ledger.entries()


def _said(question: str, p: float = 0.5) -> tuple[dict[str, Any], tuple[str, ...]]:
    return {"question": question, "decided_at": "2019-12-31", "p": p}, ("question", "decided_at", "p")


def test_a_batch_is_appended_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl", say=lambda line: None)
    content, identity = _said("before")
    ledger.append(content, identity=identity)
    kept = ledger.path.read_bytes()
    batch = ledger.append_all([_said("up"), _said("dip5"), _said("dip8")])
    assert [each["batch"] for each in batch] == [{"place": place, "of": 3} for place in range(3)]
    assert [each["ledger"]["index"] for each in ledger.entries()] == [0, 1, 2, 3]
    assert "batch" not in ledger.entries()[0]
    whole = ledger.path.read_bytes()
    old_head = Anchor.of(ledger.entries()[:1]).text()
    for cut in range(len(kept), len(whole) - 1):
        ledger.path.write_bytes(whole[:cut])
        ledger.head_path.write_text(old_head)  # the head is written last
        assert [each["question"] for each in ledger.entries()] == ["before"], cut
    # Everything is there but the last line feed: that is a whole entry.
    ledger.path.write_bytes(whole[:-1])
    assert len(ledger.entries()) == 4


def test_what_is_left_of_a_batch_is_moved_aside_by_the_next_append(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append_all([_said("up"), _said("dip5"), _said("dip8")])
    lines = ledger.path.read_bytes().splitlines(keepends=True)
    ledger.head_path.unlink()
    torn = lines[0] + lines[1] + lines[2][:20]
    ledger.path.write_bytes(torn)
    assert ledger.entries() == []
    assert capsys.readouterr().err.startswith(f"note: ledger.jsonl ends in a batch cut short ({len(torn)} bytes)")
    again = ledger.append_all([_said("up"), _said("dip5")])
    assert ledger.entries() == again
    assert [each["ledger"]["index"] for each in again] == [0, 1]
    assert ledger.torn_path.read_bytes() == torn + b"\n"


def test_a_batch_whose_end_was_cut_off_although_the_head_counts_it_is_refused(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append_all([_said("up"), _said("dip5")])
    ledger.path.write_bytes(ledger.path.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(LedgerError, match=r"got '0 whole entries'; allowed: at least the 2"):
        ledger.entries()


def test_of_a_batch_only_what_is_not_there_yet_is_appended(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    first = ledger.append_all([_said("up"), _said("dip5"), _said("dip8")])
    second = ledger.append_all([_said("up", 0.6), _said("dip5"), _said("dip8")])
    assert (second[1:], second[0]["ledger"]["index"]) == (first[1:], 3)
    assert "batch" not in second[0]
    assert of_question(ledger.entries()) == [first[0], second[0]]
