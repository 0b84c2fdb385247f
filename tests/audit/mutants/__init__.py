"""Planted leaks: each breaks one thing of the line from data to number, and names the check that must catch it.

Write one as a function with the decorator `mutant` in a module of this folder, one module for each part of the line:

    @mutant("perturbation", says=r"rsi_14: .* had been changed")
    def centred_window(bench: Bench) -> Subject:
        bench.patch.setattr("bullbear.factors.technical.momentum.talib.RSI", _centred)
        return bench.subject

`tests/audit/test_mutants.py` runs each against its check, and every check against the clean line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from bullbear.audit.subject import QUICK, Effort, Subject
from bullbear.data.store import Store


@dataclass(frozen=True)
class Bench:
    """What a mutant is planted in.

    Attributes
    ----------
    subject
        The clean subject: a small trained model on a simulated market, with nothing computed yet. Read its home only.
    patch
        Undone after the check.
    folder
        Empty; to write into.
    """

    subject: Subject
    patch: pytest.MonkeyPatch
    folder: Path

    @classmethod
    def of(cls, trained: Subject, patch: pytest.MonkeyPatch, folder: Path) -> Bench:
        """With nothing of what was computed from `trained` before, on a store opened anew."""
        return cls(replace(trained, store=Store(trained.store.root)), patch, folder)


@dataclass(frozen=True)
class Mutant:
    """A planted leak.

    Attributes
    ----------
    check
        The name of the check that must catch it.
    says
        A regular expression that the sentence of the failed check matches.
    plant
        Plants it, and gives the subject to audit.
    effort
        With which it must be caught.
    """

    name: str
    check: str
    says: str
    plant: Callable[[Bench], Subject]
    effort: Effort = QUICK


_PLANTED: dict[str, Mutant] = {}


def mutant(
    check: str, *, says: str, effort: Effort = QUICK
) -> Callable[[Callable[[Bench], Subject]], Callable[[Bench], Subject]]:
    """Register a function that plants a leak under its own name; see `Mutant`."""

    def register(plant: Callable[[Bench], Subject]) -> Callable[[Bench], Subject]:
        name = plant.__name__
        # The collection of doctests imports a module again.
        if name in _PLANTED and _file_of(_PLANTED[name].plant) != _file_of(plant):
            raise TypeError(f"two mutants named {name}")
        _PLANTED[name] = Mutant(name, check, says, plant, effort)
        return plant

    return register


def _file_of(plant: Callable[[Bench], Subject]) -> str:
    return plant.__code__.co_filename


for _each in sorted(each.name for each in iter_modules(__path__)):
    import_module(f"{__name__}.{_each}")

ALL = tuple(_PLANTED.values())
