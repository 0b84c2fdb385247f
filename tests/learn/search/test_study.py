"""A study: several processes on one storage, pruning, repeated draws."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from bullbear.definitions.search import SearchDefinition
from bullbear.errors import ExecutionError
from bullbear.learn.search.space import Parameter, Space
from bullbear.learn.search.study import require_usable, run_study
from bullbear.learn.search.trial import Trial, best

SPACE = SearchDefinition.model_validate(
    {"trials": 8, "space": {"learner.a": {"low": 0.0, "high": 1.0}, "learner.b": {"choices": ["x", "y"]}}}
)
PARAMETERS = Space(
    (
        Parameter("learner.a", "m", "a", SPACE.space["learner.a"], 0.5, False),
        Parameter("learner.b", "m", "b", SPACE.space["learner.b"], "x", False),
    )
)


def scores(values: Mapping[str, Any]) -> Iterator[float]:
    """Best at a = 0.8 and y, on every inner fold."""
    for _ in range(3):
        yield 1.0 - (values["learner.a"] - 0.8) ** 2 - (0.5 if values["learner.b"] == "x" else 0.0)


def slow_scores(values: Mapping[str, Any]) -> Iterator[float]:
    time.sleep(0.1)
    yield from scores(values)


def joined(place: str) -> list[tuple[int, str, dict[str, Any], float | None]]:
    found = run_study(place, "shared", PARAMETERS, SPACE, "7", slow_scores)
    return [(each.number, each.state, dict(each.values), each.score) for each in found]


@pytest.mark.parametrize("kind", ["database", "journal"])
def test_two_processes_share_a_study_and_agree(kind: str, tmp_path: Path) -> None:
    place = f"sqlite:///{tmp_path}/a.db" if kind == "database" else str(tmp_path / "a.journal")
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        one, other = pool.map(joined, [place] * 2)
    assert one == other
    assert [number for number, *_ in one] == list(range(8))
    drawn = [str(values) for _, _, values, _ in one]
    assert len(set(drawn)) >= 7  # both may begin with the values of the file


def trials(n: int, **options: Any) -> tuple[Trial, ...]:
    search = SPACE.model_copy(update={"trials": n, **options})
    return run_study(None, "alone", PARAMETERS, search, "7", scores)


@pytest.mark.filterwarnings("error")
def test_the_search_learns_and_prunes_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    found = trials(40)
    chosen = best(found)
    assert chosen is not None
    assert chosen.values["learner.b"] == "y"
    assert chosen.values["learner.a"] == pytest.approx(0.8, abs=0.1)
    late = [each.score for each in found[20:] if each.score is not None]
    early = [each.score for each in found[:8] if each.score is not None]
    assert sum(late) / len(late) > sum(early) / len(early)
    assert any(each.state == "pruned" for each in found)
    assert all(each.state == "complete" for each in trials(40, pruning=False))
    assert capfd.readouterr() == ("", "")


def test_more_trials_begin_with_the_same() -> None:
    few, many = trials(6), trials(12)
    assert [each.values for each in many[:6]] == [each.values for each in few]
    assert few[0].values == {"learner.a": 0.5, "learner.b": "x"}


def test_of_equal_scores_the_first_is_chosen() -> None:
    same = [Trial(number, "complete", {}, 0.1, 0.0) for number in range(3)]
    assert best(same) is same[0]
    assert best([Trial(0, "pruned", {}, 0.9, 0.0), Trial(1, "failed", {}, None, 0.0)]) is None


def test_what_was_drawn_before_is_not_scored_again() -> None:
    space = SearchDefinition.model_validate({"trials": 9, "space": {"learner.b": {"choices": ["x", "y"]}}})
    asked = []

    def counted(values: Mapping[str, Any]) -> Iterator[float]:
        asked.append(values["learner.b"])
        yield from (0.1, 0.2)

    found = run_study(None, "two", Space(PARAMETERS.parameters[1:]), space, "7", counted)
    assert len(found) == 9
    assert sorted(asked) == ["x", "y"]


@pytest.mark.parametrize("content", [b"SQLite format 3\0", b"a\nlast line without an end", b"{}"])
def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(content: bytes, tmp_path: Path) -> None:
    place = tmp_path / "tuning.db"
    place.write_bytes(content)
    with pytest.raises(ExecutionError, match=r"^--storage .*tuning.db: the file is no journal of trials; name another"):
        require_usable(str(place))
    assert place.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b'{"op', b'{"op_code": 4, "wor'])
def test_a_journal_that_was_cut_short_at_its_first_line_begins_anew(content: bytes, tmp_path: Path) -> None:
    place = tmp_path / "a.journal"
    place.write_bytes(content)
    require_usable(str(place))
    assert place.read_bytes().startswith(b'{"op_code"') or not place.read_bytes()
