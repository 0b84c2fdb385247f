"""A test over many factors fails if one of them does, and names it."""

from __future__ import annotations

import pytest
from tests.factors.together import over

seen: list[tuple[int, str]] = []


@over("number", range(4))
def of_even_numbers(tmp: str, number: int) -> None:
    """Holds for half of them."""
    seen.append((number, tmp))
    assert number % 2 == 0


def test_all_are_tried_and_those_that_fail_are_named() -> None:
    seen.clear()
    with pytest.raises(BaseExceptionGroup, match=r"2 of 4: 1, 3") as failed:
        of_even_numbers(tmp="given")
    assert seen == [(number, "given") for number in range(4)]
    assert [each.__notes__ for each in failed.value.exceptions] == [["number: 1"], ["number: 3"]]


@over("number", [0, 2])
def test_the_rest_of_the_arguments_are_fixtures(tmp_path, number: int) -> None:
    assert tmp_path.is_dir()
    assert number % 2 == 0
