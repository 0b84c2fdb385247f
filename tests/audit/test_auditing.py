"""What is asked of an audit."""

from __future__ import annotations

import pytest

from bullbear.audit.auditing import audit_all
from bullbear.audit.catalogue import BY_NAME, FAILS
from bullbear.errors import InputError


@pytest.mark.parametrize(
    ("given", "meant"),
    [("as_stored", "as-stored"), ("As stored", "as-stored"), ("warmup", "warm-up"), ("noize", "noise")],
)
def test_a_misspelt_check_is_guessed(given: str, meant: str) -> None:
    with pytest.raises(InputError, match=f"did you mean {meant}\\?"):
        audit_all([], only=[given])


def test_what_resembles_no_check_is_refused_with_all_names() -> None:
    with pytest.raises(InputError, match=r"allowed: truncation, .*name checks of the audit"):
        audit_all([], only=["xyzzy"])


def test_each_check_says_what_its_failure_means() -> None:
    assert set(FAILS) == set(BY_NAME)
