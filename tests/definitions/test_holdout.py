"""`models/holdout.toml`: what it may say, and what is refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullbear.definitions.holdout import HoldOut
from bullbear.errors import DefinitionError
from bullbear.home import Home

WHY = 'why = "The last word on every model."\n'


def written(root: Path, text: str) -> Home:
    (root / "models").mkdir()
    (root / "models" / "holdout.toml").write_text(text)
    return Home(root)


def test_without_the_file_nothing_is_sealed(tmp_path: Path):
    assert Home(tmp_path).holdout() is None


def test_the_file_is_no_model(tmp_path: Path):
    home = written(tmp_path, f'first = "2017-01-01"\n{WHY}')
    found = home.holdout()
    assert found is not None
    assert (found.first, found.last, found.span) == ("2017-01-01", None, "2017-01-01 on")
    assert "holdout" not in home.names("models")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f'first = "2017-01-01"\nlast = "2016-12-31"\n{WHY}', r"holdout\.toml:2 \(last\): .* from first, 2017-01-01"),
        (f'first = "2017-02-30"\n{WHY}', r"models/holdout\.toml:1 \(first\): got '2017-02-30'; allowed: a day of the"),
        (f'first = "1 Jan 2017"\n{WHY}', r"models/holdout\.toml:1 \(first\): .* a day as YYYY-MM-DD"),
        (f"first = 2017-01-01\n{WHY}", r"models/holdout\.toml:1 \(first\): .*; allowed: a text in quotes"),
        (f'first = "2017-01-01"\nend = "2018-01-01"\n{WHY}', r"holdout\.toml:2 \(end\): .* one of first, last, why"),
        ('first = "2017-01-01"\n', r"holdout\.toml:1 \(why\): missing"),
        (WHY, r"holdout\.toml:1 \(first\): missing"),
        ('first = "2017-01-01"\nwhy = ""\n', r"holdout\.toml:2 \(why\): got ''; .* at least 10 characters"),
    ],
)
def test_what_makes_no_sense_is_refused_with_file_and_line(tmp_path: Path, text: str, words: str):
    with pytest.raises(DefinitionError, match=words):
        written(tmp_path, text).holdout()


days = st.sampled_from([f"2017-01-{number:02d}" for number in range(1, 13)])
spans = st.tuples(days, st.none() | days).filter(lambda span: span[1] is None or span[0] <= span[1])


def members(first: str, last: str | None) -> set[int]:
    return set(range(int(first[-2:]), 20 if last is None else int(last[-2:]) + 1))


@given(spans, spans)
def test_periods_overlap_and_hold_each_other_as_their_days_do(one: tuple[str, str | None], two: tuple[str, str | None]):
    period = HoldOut(first=one[0], last=one[1], why="A period for a test.")
    assert period.overlaps(*two) == bool(members(*one) & members(*two))
    assert period.is_within(*two) == (members(*one) <= members(*two))
