from __future__ import annotations

import math

import pytest

from bullbear.decide.agents import reasons
from bullbear.decide.agents.inputs import noted
from bullbear.decide.agents.reasons import CODES, priced, sentence


def test_every_code_has_a_sentence_of_its_own() -> None:
    named = {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, int)}
    assert named == set(CODES)
    assert len({sentence(noted(code, 1.0, 2.0, 3.0)) for code in CODES}) == len(CODES)


@pytest.mark.parametrize("code", CODES)
def test_only_a_price_is_turned_into_one_of_the_day(code: int) -> None:
    note = noted(code, 100.0, 2.0, 3.0)
    moved = sentence(note, unit=1.5) != sentence(note)
    assert moved == (priced(code) and "100" in sentence(note))


def test_in_words() -> None:
    broken = noted(reasons.SUPPORT_BROKEN, 100.0, 1.25, 1)
    assert sentence(broken, unit=1.5) == (
        "closes below the support 150.00, the last 1.2 ATRs under it; shorts or sectors confirm it"
    )
    assert sentence(noted(reasons.SUPPORT_BROKEN, 100.0, 1.25, 0)).endswith("do not confirm it, or are unknown")
    assert sentence(noted(reasons.SUPPORT_HELD, math.nan, math.nan)) == "no confirmed support stands below the close"
