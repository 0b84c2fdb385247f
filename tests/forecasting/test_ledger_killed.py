"""Eight writers on one ledger, killed at random moments: nothing that was answered is lost, and nothing is doubled."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from bullbear.forecasting.chain import Anchor, faults_of
from bullbear.forecasting.ledger import Ledger

WRITERS, IDENTITY = 8, ("writer", "number", "question")
CONTEXT = get_context("fork")


def said(writer: int, number: int) -> list[tuple[dict[str, object], tuple[str, ...]]]:
    """What a writer appends as its n-th batch, of one to three entries, short and long."""
    batch = 1 + (writer + number) % 3
    text = "x" * (10 ** (number % 4))
    return [({"writer": writer, "number": number, "question": place, "text": text}, IDENTITY) for place in range(batch)]


def write_on(path: Path, writer: int, first: int, answers: int) -> None:
    ledger = Ledger(path, say=lambda line: None)
    for number in count(first):
        made = ledger.append_all(said(writer, number))
        os.write(answers, f"{number} {made[-1]['ledger']['hash']}\n".encode())


@dataclass
class Writer:
    """A writer that goes on where the last of its name was killed; `answered` holds the last hash by number."""

    path: Path
    number: int
    answered: dict[int, str] = field(default_factory=dict)
    process: BaseProcess | None = None
    answers: int = -1

    def start(self) -> None:
        self.answers, other = os.pipe()
        # What was written but not answered is asked again, and must be found.
        first = max(self.answered, default=-1) + 1
        self.process = CONTEXT.Process(target=write_on, args=(self.path, self.number, first, other), daemon=True)
        self.process.start()
        os.close(other)

    def kill(self) -> None:
        assert self.process is not None
        assert self.process.is_alive()
        os.kill(self.process.pid or 0, signal.SIGKILL)
        self.process.join()
        os.set_blocking(self.answers, False)  # a writer started later holds the pipe's other end, too
        read = b""
        with suppress(BlockingIOError):
            while chunk := os.read(self.answers, 65536):
                read += chunk
        os.close(self.answers)
        for line in read.decode().splitlines():
            number, last = line.split()
            self.answered[int(number)] = last


@pytest.mark.parametrize(
    ("rounds", "kills"),
    [
        pytest.param(1, 16, id="16 kills"),
        pytest.param(25, 40, id="1,000 kills", marks=[pytest.mark.slow, pytest.mark.timeout(3600)]),
    ],
)
def test_what_was_answered_is_there_once(tmp_path: Path, rounds: int, kills: int) -> None:
    chance, entries, torn = random.Random(9), 0, 0
    for number in range(rounds):
        path = tmp_path / str(number) / "ledger.jsonl"
        entries += one_round(path, kills, chance)
        torn += Ledger(path).torn_path.exists()
    print(f"{rounds * kills:,} kills, {entries:,} entries; {torn} of {rounds} ledgers had an append cut short")  # noqa: T201
    assert entries > rounds * kills  # they were killed at work


def one_round(path: Path, kills: int, chance: random.Random) -> int:
    ledger = Ledger(path, say=lambda line: None)
    writers = [Writer(path, number) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for number in range(kills):
        time.sleep(0.06 * chance.random())
        victim = writers[number % WRITERS]
        victim.kill()
        ledger.entries()  # a reader never sees a ledger that does not verify
        victim.start()
    time.sleep(0.2)
    for writer in writers:
        writer.kill()
    ledger.append_all(said(WRITERS, 0))  # the next append mends what the last kill left
    entries = ledger.entries()
    assert faults_of(path.read_bytes()) == []
    assert ledger.head() == Anchor.of(entries)
    hashes = {(entry["writer"], entry["number"], entry["question"]): entry["ledger"]["hash"] for entry in entries}
    assert len(hashes) == len(entries)  # nothing is doubled
    for writer in writers:
        made = {number for author, number, _ in hashes if author == writer.number}
        assert made == set(range(len(made)))  # nothing between is lost
        for number in made:
            assert len(said(writer.number, number)) == sum(key[:2] == (writer.number, number) for key in hashes)
        for number, last in writer.answered.items():
            assert hashes[writer.number, number, len(said(writer.number, number)) - 1] == last
        # At most one more was written and could not be answered any more.
        assert len(made) - len(writer.answered) in (0, 1)
    return len(entries)
