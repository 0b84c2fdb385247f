from __future__ import annotations

import json
import math

import pytest

from bullbear.decide.agents.bear import Bear, no_bear
from bullbear.decide.agents.document import from_document, to_document
from bullbear.decide.agents.kernel import Memory, first_memory

DOCUMENT = to_document(no_bear())


def test_unknown_numbers_are_null_and_nested_tuples_documents() -> None:
    document = to_document(first_memory())
    assert document["trend"]["level"] is None
    assert document["trend"]["runs"] == {"breach": 0, "channel": 0, "reclaim": 0, "above": 0}
    again = from_document(Memory, json.loads(json.dumps(document, allow_nan=False)))
    assert repr(again) == repr(first_memory())


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"weight": math.inf}, "inf is not finite"),
        ({"tier": 1.0}, "1.0 is no int"),
        ({"tier": True}, "True is no int"),
        ({"weight": "much"}, "could not convert"),
        ({"colour": 1}, "Bear with colour"),
    ],
)
def test_what_is_no_such_memory_is_refused(change: dict, error: str) -> None:
    with pytest.raises((TypeError, ValueError), match=error):
        from_document(Bear, {**DOCUMENT, **change})


def test_a_field_that_is_missing_is_refused() -> None:
    with pytest.raises(ValueError, match="Bear with exposure"):
        from_document(Bear, {name: value for name, value in DOCUMENT.items() if name != "tier"})
