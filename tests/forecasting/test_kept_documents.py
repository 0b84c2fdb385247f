"""Kept accounts save time and change nothing: not when they are there, nor missing, damaged or of another day."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bullbear.decide import Book
from bullbear.forecasting.forecast import issue
from bullbear.forecasting.kept_documents import MOST, KeptAccounts, KeptDocuments
from bullbear.home import Home


def folder(home: Home) -> Path:
    return home.forecasts / ".accounts"


def test_a_replay_is_the_same_whatever_is_kept(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(folder(home))
    first = issue(home, "2007-06-20")
    (path,) = folder(home).iterdir()
    walked: list[int] = []
    real = Book.recalled

    def counted(book: Book, policy: object) -> object:
        walked.append(1)
        return real(book, policy)

    monkeypatch.setattr(Book, "recalled", counted)
    assert issue(home, "2007-06-20") == first
    assert len(walked) == 1  # of more than a thousand closes
    body = path.read_text()
    for damaged in ("", "not JSON", body[:-1], body.replace("0.", "1.", 1), body.replace("\n", "\n ", 1)):
        assert damaged != body
        path.write_text(damaged)
        walked.clear()
        assert issue(home, "2007-06-20") == first
        assert len(walked) > 1000
        assert path.read_text() == body
    assert issue(home, "2007-06-21")["account"]["book"]["session"] == "2007-06-21"
    assert len(list(folder(home).iterdir())) == 2


def test_where_nothing_can_be_kept_the_forecast_is_made_all_the_same(home: Home) -> None:
    shutil.rmtree(folder(home))
    folder(home).write_text("a file where the folder should be")
    assert issue(home, "2007-06-20")["account"]["book"]["session"] == "2007-06-20"


def test_an_account_comes_back_to_the_last_bit_and_the_oldest_go(tmp_path: Path, home: Home) -> None:
    book = Book.from_json(issue(home, "2007-06-20")["account"]["book"])
    kept = KeptAccounts(KeptDocuments(tmp_path / "kept"))
    assert kept.read("a") is None
    for number in range(MOST + 3):
        kept.write(f"{number:03d}", book)
    left = sorted(path.stem for path in (tmp_path / "kept").glob("*.json"))
    assert left == [f"{number:03d}" for number in range(3, MOST + 3)]
    assert kept.read("010") == book
    assert json.dumps(book.to_json()) in (tmp_path / "kept" / "010.json").read_text()
