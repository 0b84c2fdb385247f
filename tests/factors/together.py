"""One test over many factors. A test each would be thousands, whose bookkeeping takes longer than the factors do."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest


def over(argument: str, cases: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a test of one `argument` a test of all `cases`, which goes through to the end and names each that failed."""
    cases = list(cases)

    def made(test: Callable[..., None]) -> Callable[..., None]:
        def together(**fixtures: Any) -> None:
            failed = []
            for case in cases:
                try:
                    test(**{argument: case}, **fixtures)
                except (Exception, pytest.fail.Exception) as bad:
                    bad.add_note(f"{argument}: {case}")
                    failed.append(bad)
            if failed:
                names = ", ".join(each.__notes__[-1].removeprefix(f"{argument}: ") for each in failed)
                raise BaseExceptionGroup(f"{len(failed)} of {len(cases)}: {names}", failed)

        together.__name__, together.__doc__, together.__module__ = test.__name__, test.__doc__, test.__module__
        signature = inspect.signature(test)
        kept = [each for name, each in signature.parameters.items() if name != argument]
        together.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
        together.pytestmark = list(getattr(test, "pytestmark", []))  # type: ignore[attr-defined]
        return together

    return made
