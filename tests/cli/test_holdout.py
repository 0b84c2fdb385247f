"""`bullbear holdout`: what is sealed, and openings on record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SEAL = 'first = "2006-07-01"\nlast = "2007-06-29"\nwhy = "The last word on every model."\n'
Bullbear = Callable[..., Any]


@pytest.fixture
def place(tmp_path: Path, small_definitions: Callable[[Path], None]) -> Path:
    """A home without data, sealed."""
    small_definitions(tmp_path)
    (tmp_path / "models" / "holdout.toml").write_text(SEAL)
    return tmp_path


def test_nothing_is_sealed_without_the_file(bullbear: Bullbear, tmp_path: Path):
    answer = bullbear("holdout", "--home", tmp_path)
    assert (answer.code, answer.out) == (0, "nothing is sealed: there is no models/holdout.toml\n")
    assert bullbear("holdout", "--json", "--home", tmp_path).json == {
        "sealed": None,
        "openings": [],
        "earlier_openings": [],
    }
    answer = bullbear("holdout", "open", "climatology", "--reason", "For a test.", "--home", tmp_path)
    assert (answer.code, answer.mistake) == (
        2,
        "bullbear: models/holdout.toml: no such file; allowed: a sealed period; see docs/holdout.md: nothing is sealed",
    )


def test_an_opening_is_recorded_once_and_shown(bullbear: Bullbear, place: Path):
    shown = bullbear("holdout", "--home", place).out.splitlines()
    assert shown == [
        "sealed: 2006-07-01 to 2007-06-29 (models/holdout.toml): The last word on every model.",
        "0 openings, each one more look at the same days",
    ]
    first = bullbear("holdout", "open", "base", "--reason", "The year is over.", "--home", place)
    assert (first.code, first.out) == (0, "hold-out 2006-07-01 to 2007-06-29: opened for base; 1 opening so far\n")
    record = (place / "trials" / "holdout.jsonl").read_bytes()
    again = bullbear("holdout", "open", "base", "--reason", "Once more.", "--home", place)
    assert "was opened already on 20" in again.out
    assert (place / "trials" / "holdout.jsonl").read_bytes() == record
    found = bullbear("holdout", "open", "small", "--reason", "Another look.", "--json", "--home", place).json
    assert (found["is_new"], found["openings"], found["model"]) == (True, 2, "small")
    assert (place / "trials" / "holdout.jsonl").read_bytes().startswith(record)
    document = bullbear("holdout", "--json", "--home", place).json
    assert document["sealed"] == {
        "first": "2006-07-01",
        "last": "2007-06-29",
        "why": "The last word on every model.",
    }
    assert [row["reason"] for row in document["openings"]] == ["The year is over.", "Another look."]
    lines = bullbear("holdout", "--home", place).out.splitlines()
    assert lines[1] == "2 openings, each one more look at the same days"
    assert lines[2].endswith(": The year is over.")


def test_another_definition_is_refused_and_a_copy_counts_again(bullbear: Bullbear, place: Path):
    def open_(model: str) -> Any:
        return bullbear("holdout", "open", model, "--reason", "For a test.", "--home", place)

    open_("base")
    path = place / "models" / "base.toml"
    text = path.read_text()
    path.write_text(text.replace('refit = "quarter"', 'refit = "year"'))
    refused = open_("base")
    assert refused.code == 3
    assert refused.mistake.startswith(
        "bullbear: refused by the hold-out: 2006-07-01 to 2007-06-29 is sealed (models/holdout.toml); it was opened "
        "for base on 20"
    )
    assert refused.mistake.endswith(
        "with another definition: go back to that one, or give the new one a name of its own"
    )
    path.write_text(text)
    (place / "models" / "copy.toml").write_text(text.replace('name = "base"', 'name = "copy"'))
    assert open_("copy").out.endswith("2 openings so far\n")


def test_a_longer_period_is_opened_again_and_another_one_anew(bullbear: Bullbear, place: Path):
    def counted(seal: str) -> dict[str, Any]:
        (place / "models" / "holdout.toml").write_text(seal)
        bullbear("holdout", "open", "base", "--reason", "For a test.", "--home", place)
        found: dict[str, Any] = bullbear("holdout", "--json", "--home", place).json
        return {name: len(found[name]) for name in ("openings", "earlier_openings")}

    assert counted(SEAL) == {"openings": 1, "earlier_openings": 0}
    assert counted(SEAL.replace("2007-06-29", "2007-01-05")) == {"openings": 1, "earlier_openings": 0}
    assert counted(SEAL.replace("2007-06-29", "2007-12-31")) == {"openings": 2, "earlier_openings": 0}
    later = 'first = "2008-01-02"\nwhy = "A fresh hold-out."\n'
    assert counted(later) == {"openings": 1, "earlier_openings": 2}


def test_an_edited_record_is_refused(bullbear: Bullbear, place: Path):
    bullbear("holdout", "open", "base", "--reason", "Too early.", "--home", place)
    path = place / "trials" / "holdout.jsonl"
    path.write_text(path.read_text().replace("Too early.", "On time."))
    answer = bullbear("holdout", "--home", place)
    assert answer.code == 2
    assert answer.mistake.startswith("bullbear: holdout.jsonl:1: got {")


@pytest.mark.parametrize("reason", [(), ("--reason", "  ")])
def test_an_opening_needs_a_reason(bullbear: Bullbear, place: Path, reason: tuple[str, ...]):
    answer = bullbear("holdout", "open", "base", *reason, "--home", place)
    assert answer.code == 2
    assert answer.mistake == "bullbear: holdout open: no --reason; allowed: --reason TEXT; say why, for the record"


def test_a_broken_file_is_one_line(bullbear: Bullbear, place: Path):
    (place / "models" / "holdout.toml").write_text('first = "soon"\nwhy = "A broken file."\n')
    answer = bullbear("holdout", "--home", place)
    assert answer.code == 2
    assert answer.mistake.startswith(
        "bullbear: models/holdout.toml:1 (first): got 'soon'; allowed: a day as YYYY-MM-DD"
    )
