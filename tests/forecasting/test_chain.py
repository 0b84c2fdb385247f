"""The chain: every fault named once with its line, and every edit of a single byte found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.forecasting.ledgers import filled

from bullbear.errors import LedgerError
from bullbear.forecasting.chain import Anchor, Chain, canonical, faults_of, seal


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Those of two evenings."""
    return filled(tmp_path_factory.mktemp("chain") / "ledger.jsonl", 2).path.read_bytes().splitlines(keepends=True)


def accepted(raw: bytes) -> bool:
    try:
        Chain.read(raw)
    except LedgerError:
        return False
    return True


def resealed(line: bytes, **changes: Any) -> bytes:
    """The line with another content and the hash that belongs to it."""
    entry = json.loads(line)
    stamp = entry.pop("ledger")
    entry |= changes
    stamp["hash"] = seal(entry, stamp["index"], stamp["previous_hash"])
    return canonical({**entry, "ledger": stamp}).encode() + b"\n"


def edited(line: bytes) -> bytes:
    return line.replace(b'"IWM"', b'"IWN"', 1)


@pytest.mark.parametrize(
    ("tamper", "faults"),
    [
        pytest.param(lambda a: a, [], id="nothing"),
        pytest.param(lambda a: [*a[:3], edited(a[3]), *a[4:]], [(4, "edited: it states")], id="edited"),
        pytest.param(
            lambda a: [edited(a[0]), *a[1:7], edited(a[7]), *a[8:]], [(1, "edited"), (8, "edited")], id="edited twice"
        ),
        pytest.param(lambda a: [*a[:3], *a[4:]], [(4, "entry 4 where 3 is due")], id="dropped"),
        pytest.param(lambda a: [*a[:3], a[2], *a[3:]], [(4, "entry 2 where 3 is due")], id="doubled"),
        pytest.param(lambda a: [*a[:3], b"\n", *a[3:]], [(4, "a blank line")], id="blank line"),
        pytest.param(lambda a: [*a[:3], b"oh\n", *a[4:]], [(4, "no entry of the ledger")], id="no entry"),
        pytest.param(
            lambda a: [*a[:3], resealed(a[3], p=0.9), *a[4:]], [(5, "continues another chain")], id="sealed anew"
        ),
        pytest.param(
            lambda a: [*a[:3], a[3].replace(b"{", b'{"p":0.9,', 1), *a[4:]], [(4, "a key twice")], id="key twice"
        ),
        pytest.param(
            lambda a: [*a[:3], a[3].replace(b'"index":3', b'"index":3.0'), *a[4:]], [(4, "no entry")], id="place 3.0"
        ),
        pytest.param(
            lambda a: [a[0], a[1].replace(b'"index":1', b'"index":true'), *a[2:]], [(2, "no entry")], id="place true"
        ),
        pytest.param(
            lambda a: [a[0].replace(b'"ledger":{', b'"ledger":{"a":1,'), *a[1:]], [(1, "not the line")], id="stamp"
        ),
    ],
)  # fmt: skip
def test_each_fault_is_named_once_with_its_line(lines: list[bytes], tamper: Any, faults: list[Any]) -> None:
    raw = b"".join(tamper(lines))
    found = faults_of(raw)
    assert [fault.line for fault in found] == [line for line, _ in faults]
    for fault, (_, problem) in zip(found, faults, strict=True):
        assert problem in fault.problem
    assert accepted(raw) == (not faults)


def test_a_fault_reads_as_a_line() -> None:
    fault = faults_of(b"oh\n", "ledger.jsonl")[0]
    assert str(fault) == "ledger.jsonl:1: no entry of the ledger"


@pytest.mark.parametrize("seed", range(3))
def test_faults_are_listed_exactly_where_reading_refuses(lines: list[bytes], seed: int) -> None:
    raw, chance = b"".join(lines), Random(seed)
    for _ in range(150):
        place = chance.randrange(len(raw))
        before, after = raw[:place], raw[place:]
        byte = bytes([chance.randrange(256)])
        changed = chance.choice((before + after[1:], before + byte + after[1:], before + byte + after, raw[:place]))
        assert (faults_of(changed) == []) == accepted(changed), (seed, place)


def test_the_lines_after_an_anchor_are_read_as_its_continuation(lines: list[bytes]) -> None:
    whole = Chain.read(b"".join(lines)).entries
    after = Anchor(9, whole[8]["ledger"]["hash"])
    assert Chain.read(b"".join(lines[9:]), after=after).entries == whole[9:]
    with pytest.raises(LedgerError, match=r"ledger\.jsonl:10: "):
        Chain.read(b"".join(lines[10:]), after=after)


OTHERS = b'\x00\n\r\t 019aZ{}[]",:\\-.\xff'


def edits(line: bytes, chance: Random, share: float) -> Iterator[bytes]:
    """At each place of a line, or a share of them: a byte deleted, replaced by two others, and slipped in before it."""
    for place in range(len(line)):
        if share < 1.0 and chance.random() > share:
            continue
        before, byte, after = line[:place], line[place], line[place + 1 :]
        yield before + after
        yield before + bytes([byte ^ 1 << chance.randrange(8)]) + after
        other = chance.choice(OTHERS.replace(bytes([byte]), b""))
        yield before + bytes([other]) + after
        yield before + bytes([chance.choice(OTHERS)]) + line[place:]


@pytest.mark.parametrize(
    ("evenings", "share"),
    [
        pytest.param(2, 0.05, id="a sample"),
        pytest.param(125, 1.0, id="every byte of 1,000 rows", marks=[pytest.mark.slow, pytest.mark.timeout(3600)]),
    ],
)
def test_every_edit_of_a_single_byte_is_found(tmp_path: Path, evenings: int, share: float) -> None:
    ledger = filled(tmp_path / "ledger.jsonl", evenings)
    rows, chance = ledger.path.read_bytes().splitlines(keepends=True), Random(11)
    entries = ledger.entries()
    assert len(rows) == 8 * evenings
    anchors = [Anchor.of(entries[:number]) for number in range(len(rows))]
    tried, unfound = 0, []
    for number, row in enumerate(rows):
        # The lines before are as they were. If the line and the one behind it pass, the whole file is looked at.
        behind = b"".join(rows[number + 1 : number + 2])
        for changed in edits(row, chance, share):
            tried += 1
            try:
                Chain.read(changed + behind, after=anchors[number])
            except LedgerError:
                continue
            unfound.append((number, changed))
    assert tried > 3 * share * sum(map(len, rows))
    for number, changed in unfound:
        ledger.path.write_bytes(b"".join([*rows[:number], changed, *rows[number + 1 :]]))
        try:
            found = ledger.entries()
        except LedgerError:
            continue  # the head counts what is missing at the end
        # What else passes changes no entry: it lies around the line feed, and `ledger verify` notes its line.
        assert found == entries
        assert changed.replace(b"\r", b"").rstrip(b"\n") == rows[number].rstrip(b"\n")
    print(f"{tried:,} edits, {len(unfound):,} around a line feed")  # noqa: T201
