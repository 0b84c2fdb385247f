"""`bullbear ledger verify`: everything that is wrong with a ledger and what witnesses it, with line numbers.

Reading a ledger stops at the first fault. Here all are listed, with what the head file and the tracking store confirm,
and, as notes, what does no harm but is not as bullbear wrote it.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bullbear.errors import LedgerError
from bullbear.files import FileLock
from bullbear.forecasting.chain import BYTE_ORDER_MARK, Anchor, Chain, Fault, canonical, faults_of
from bullbear.forecasting.ledger import Ledger
from bullbear.forecasting.tracked_anchor import tracked_anchor
from bullbear.home import Home


@dataclass(frozen=True)
class Witness:
    """An anchor of the ledger outside its file: `agrees` is None where the chain is broken before it could be asked."""

    kept_in: str
    count: int
    hash: str
    agrees: bool | None


@dataclass(frozen=True)
class Verification:
    """What became of checking a ledger.

    `entries` counts those before the first fault, and `hash` is the last one's; of an evening that the fault cuts, none
    counts: its entries hold together or not at all.
    """

    path: Path
    entries: int
    hash: str
    faults: tuple[Fault, ...]
    witnesses: tuple[Witness, ...]
    notes: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "path": str(self.path),
            "verified": self.is_sound,
            "entries": self.entries,
            "hash": self.hash,
            "faults": [asdict(each) for each in self.faults],
            "anchors": [asdict(each) for each in self.witnesses],
            "notes": list(self.notes),
        }


def verify(home: Home) -> Verification:
    """Check the ledger of a home from its first byte to its last, its head and the tracking store's record of it."""
    ledger = Ledger(home.forecasts / "ledger.jsonl")
    with suppress(OSError):  # no lock has ever been taken, or it may not be
        FileLock(ledger.path.with_suffix(".lock")).wait()
    faults, anchors, unasked = list[Fault](), list[tuple[str, Anchor]](), list[str]()
    for kept_in, read in (("ledger.head", ledger.head), ("the MLflow store", lambda: tracked_anchor(home.runs))):
        try:
            if (anchor := read()) is not None:
                anchors.append((kept_in, anchor))
        except LedgerError as bad:
            faults.append(Fault(bad.where, None, f"unreadable, {bad.value!r}"))
        except sqlite3.Error as bad:
            unasked.append(f"{kept_in} cannot be read ({bad}): whether it agrees cannot be told")
    raw = ledger.path.read_bytes() if ledger.path.exists() else b""
    broken = faults_of(raw, ledger.path.name)
    sound = raw if not broken else b"".join(each + b"\n" for each in raw.split(b"\n")[: (broken[0].line or 1) - 1])
    chain = Chain.read(sound, name=ledger.path.name)
    witnesses = []
    for kept_in, anchor in anchors:
        agrees = None
        if not broken or anchor.count <= len(chain.entries):
            try:
                anchor.check(chain.entries, kept_in)
                agrees = True
            except LedgerError as bad:
                agrees, line = False, bad.where.partition(":")[2]
                faults.append(Fault(ledger.path.name, int(line) if line else None, f"{bad.value}; {bad.allowed}"))
        witnesses.append(Witness(kept_in, anchor.count, anchor.hash, agrees))
    last = Anchor.of(chain.entries)
    notes = () if broken else tuple(_notes(ledger, raw, chain, {name for name, _ in anchors}))
    return Verification(ledger.path, last.count, last.hash, (*broken, *faults), tuple(witnesses), (*notes, *unasked))


def _notes(ledger: Ledger, raw: bytes, chain: Chain, anchored: set[str]) -> list[str]:
    """What is no fault, but not as bullbear leaves it."""
    notes, name = [], ledger.path.name
    if chain.torn:
        notes.append(
            f"{name} ends in {len(chain.torn):,} bytes of an entry cut short, which was issued to nobody; "
            f"the next forecast moves them to {ledger.torn_path.name}"
        )
    if (place := _dressed(raw, chain)) is not None:
        notes.append(f"{name}:{place}: line ends, blank lines or a byte-order mark that bullbear did not write")
    if chain.entries and "ledger.head" not in anchored:
        notes.append("ledger.head is missing: whether entries are missing at the end cannot be told")
    return notes


def _dressed(raw: bytes, chain: Chain) -> int | None:
    """The first line around whose entry the bytes are not those that were written; None if they all are."""
    found = raw if not chain.torn else raw[: chain.end]
    written = [canonical(entry).encode() + b"\n" for entry in chain.entries]
    if found == b"".join(written):
        return None
    if found.startswith(BYTE_ORDER_MARK):
        return 1
    alike = zip(found.split(b"\n"), written, strict=False)
    differing = (place for place, (one, other) in enumerate(alike, start=1) if one + b"\n" != other)
    return next(differing, len(written) + found.endswith(b"\n"))
