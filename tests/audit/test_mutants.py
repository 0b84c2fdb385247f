"""Every planted leak is caught by the check that it names; the clean line passes every check."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.audit.mutants import ALL, Bench, Mutant

from bullbear.audit.catalogue import BY_NAME
from bullbear.audit.result import FAILED
from bullbear.audit.subject import QUICK, Subject

# Each is near another one that stays in the ordinary suite and is caught by the same lines of its check.
LEFT_TO_THE_SLOW_CHECKS = frozenset(
    {
        "baseline_with_a_centred_volatility",  # volatility_of_the_next_session
        "bought_at_the_low_of_the_day",  # filled_at_the_low_but_shown_at_the_open
        "calibrator_on_the_test",  # platt_on_unresolved_labels
        "decision_on_the_close_of_the_next_bar",  # volatility_of_the_next_session
        "early_stopping_on_the_test",  # early_stopping_on_the_test_fold
        "impact_by_the_volume_of_the_day_itself",  # costs_with_the_wrong_sign
        "stop_filled_at_the_best_price_of_the_day",  # stop_filled_at_its_level_below_the_open
        "stop_judged_at_the_close_alone",  # stop_filled_though_never_reached
        "target_encoding_of_a_member",  # target_encoding_over_all_rows
    }
)
PLANTED = [
    pytest.param(each, id=each.name, marks=pytest.mark.slow if each.name in LEFT_TO_THE_SLOW_CHECKS else ())
    for each in ALL
]


def test_every_check_has_a_planted_leak() -> None:
    assert {each.check for each in ALL} == set(BY_NAME)


def test_the_leaks_left_to_the_slow_checks_exist() -> None:
    assert {each.name for each in ALL} >= LEFT_TO_THE_SLOW_CHECKS
    assert len(ALL) - len(LEFT_TO_THE_SLOW_CHECKS) >= 24


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_leak_is_caught(
    planted: Mutant, trained: Subject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    subject = planted.plant(Bench.of(trained, monkeypatch, tmp_path))
    found = BY_NAME[planted.check].run(subject, planted.effort, _silent)
    assert found.verdict == FAILED, found.sentence
    assert re.search(planted.says, found.sentence), found.sentence


@pytest.mark.parametrize("name", BY_NAME)
def test_the_clean_line_passes(name: str, trained: Subject) -> None:
    found = BY_NAME[name].run(trained, QUICK, _silent)
    assert not found.has_failed, found.sentence


def _silent(done: int, total: int) -> None:
    return
