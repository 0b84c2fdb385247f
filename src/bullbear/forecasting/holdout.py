"""The lock on the hold-out of a home, and the record of who opened it.

`models/holdout.toml` seals a period. A model that has not opened it is fitted on what was known before the first sealed
day began and on nothing else: the lock cuts the data, not the reports. An opening is recorded once for a model, with
the hash of its definition, in a chained file that is only ever appended to (`trials/holdout.jsonl`). The same
definition may then read the period any number of times; another one under the same name never may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bullbear.code_version import code_version
from bullbear.data.sealed import SealedStore
from bullbear.data.store import Store
from bullbear.data.view import View
from bullbear.definitions.holdout import HoldOut
from bullbear.errors import Found, HoldOutError, InputError, OpeningsError
from bullbear.forecasting.bundle import Bundle
from bullbear.forecasting.chain import Kind
from bullbear.forecasting.chained_file import ChainedFile
from bullbear.home import Home
from bullbear.model import Model
from bullbear.sessions import NEW_YORK, day

FILE = "models/holdout.toml"
TAG = "holdout"
"""The tag of a training with what it could read of the hold-out: `sealed PERIOD` or `opened PERIOD`."""
OPENINGS = "holdout.openings"
"""The tag of a training over an opened period: how many models had opened it by then."""
_KIND = Kind(
    OpeningsError,
    "the record of openings",
    "restore the file from a copy; openings cannot be edited (docs/holdout.md)",
    "the next opening",
)


@dataclass(frozen=True)
class Opening:
    """One opening: by which model, when and why, of which days; `definitions` are the hashes that it lets in."""

    model: str
    opened_at: str
    reason: str
    first: str
    last: str | None
    tuned: bool
    definitions: Mapping[str, str]


@dataclass(frozen=True)
class Lock:
    """What a model may read. `period` is None where nothing is sealed; `openings` are all of it, by any model."""

    model: str
    period: HoldOut | None = None
    openings: tuple[Opening, ...] = ()
    is_open: bool = False
    definition_hash: str = ""

    @property
    def is_shut(self) -> bool:
        """Whether a period is sealed that the model has not opened."""
        return self.period is not None and not self.is_open

    @property
    def through(self) -> pd.Timestamp | None:
        """The last instant of which the model may know anything; None where there is no limit."""
        return None if self.period is None or self.is_open else last_instant(self.period)

    @property
    def tags(self) -> dict[str, str]:
        """The tags of its trainings."""
        if self.period is None:
            return {}
        if not self.is_open:
            return {TAG: f"sealed {self.period.span}"}
        return {TAG: f"opened {self.period.span}", OPENINGS: str(len(self.openings))}

    @property
    def others(self) -> list[Opening]:
        """The openings of the period by the same model with another definition, which keep this one out for good."""
        mine = [each for each in self.openings if each.model == self.model]
        return [each for each in mine if self.definition_hash not in each.definitions.values()]

    @property
    def remedy(self) -> str:
        """How the model is let in; of one that opened the period with another definition nothing does."""
        if self.others:
            opened = f"it was opened for {self.model} on {self.others[0].opened_at[:10]} with another definition"
            return f"{opened}: go back to that one, or give the new one a name of its own"
        return f"`bullbear holdout open {self.model} --reason TEXT` opens it, once and on record"

    def store(self, store: Store) -> Store:
        """The store as the model may read it."""
        return store if self.through is None else SealedStore(store.root, self.through)

    def view(self, view: View) -> View:
        """The view as the model may read it."""
        return view if self.through is None else view.until(self.through)

    def labels(self, labels: pd.DataFrame) -> pd.DataFrame:
        """The labels of the sessions before the sealed ones, where the period is sealed for the model."""
        if self.period is None or self.is_open:
            return labels
        return labels[labels.index < day(self.period.first)]


def last_instant(period: HoldOut) -> pd.Timestamp:
    """The last instant before the first sealed day begins in New York."""
    midnight = day(period.first).tz_localize(NEW_YORK).tz_convert("UTC")
    return (midnight - pd.Timedelta(1, "us")).as_unit("us")


def lock_of(home: Home, model: str, definition_hash: str) -> Lock:
    """The lock on a model's definition.

    Raises
    ------
    DefinitionError
        `models/holdout.toml` cannot be used.
    OpeningsError
        The record of the openings was changed.
    """
    period = home.holdout()
    if period is None:
        return Lock(model)
    return _lock(period, model, definition_hash, openings(home))


def _lock(period: HoldOut, model: str, definition_hash: str, made: Sequence[Opening]) -> Lock:
    found = tuple(each for each in made if period.overlaps(each.first, each.last))
    is_open = any(
        each.model == model and definition_hash in each.definitions.values() and period.is_within(each.first, each.last)
        for each in found
    )
    return Lock(model, period, found, is_open, definition_hash)


def lock_of_bundle(home: Home, bundle: Bundle) -> Lock:
    """The lock on the model of a bundle; errors are those of `lock_of`."""
    return lock_of(home, bundle.definition.name, str(bundle.meta["definition_hash"]))


def openings(home: Home) -> list[Opening]:
    """Every opening of any period, the oldest first.

    Raises
    ------
    OpeningsError
        The record was changed.
    """
    return [_opening(entry) for entry in _Record(home.trials / "holdout.jsonl").entries()]


def openings_of(home: Home, period: HoldOut) -> list[Opening]:
    """The openings of a period or of a part of it; errors are those of `openings`."""
    return [each for each in openings(home) if period.overlaps(each.first, each.last)]


def looks_note(home: Home, models: Iterable[str]) -> str | None:
    """What to say beside skills of `models` that count sealed days; None where none of them opened these."""
    period = home.holdout()
    if period is None:
        return None
    made = openings_of(home, period)
    names = [name for name in dict.fromkeys(models) if name in {each.model for each in made}]
    if not names:
        return None
    return f"hold-out {period.span}: counted in the skill of {', '.join(names)}, which opened it; {times(len(made))}"


def times(count: int) -> str:
    """How often a hold-out was opened, in words."""
    return {0: "never opened", 1: "opened once"}.get(count, f"opened {count} times")


def open_holdout(
    home: Home, model: Model, reason: str, *, tuned: bool = False, now: pd.Timestamp | None = None
) -> tuple[Opening, bool]:
    """Record that a model may read the sealed period from now on.

    Parameters
    ----------
    model
        As it will be trained: with its `[search]` where it is `tuned`.
    now
        The clock; None for this machine's.

    Returns
    -------
    The opening, and whether it is new: the same definition opens the period once.

    Raises
    ------
    InputError
        Nothing is sealed.
    HoldOutError
        The model has opened the period with another definition.
    """
    period, name = home.holdout(), model.definition.name
    if period is None:
        raise InputError(FILE, Found("no such file"), "a sealed period", "see docs/holdout.md: nothing is sealed")
    at = pd.Timestamp.now("UTC") if now is None else now
    content = {
        "model": name,
        "first": period.first,
        "last": period.last,
        "why": period.why,
        "reason": reason,
        "tuned": tuned,
        "definition_hash": model.definition_hash,
        "definitions": definitions_of(model),
        "opened_at": at.tz_convert("UTC").floor("s").strftime("%Y-%m-%dT%H:%M:%SZ"),
        "code_version": code_version(),
    }

    def unless_open(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        lock = _lock(period, name, model.definition_hash, [_opening(entry) for entry in entries])
        if lock.others:
            raise HoldOutError(f"{period.span} is sealed ({FILE})", lock.remedy)
        return [] if lock.is_open else [content]

    made = _Record(home.trials / "holdout.jsonl").add(unless_open)
    if made:
        return _opening(made[0]), True
    return next(each for each in openings_of(home, period) if each.model == name), False


def definitions_of(model: Model) -> dict[str, str]:
    """The hashes of a model and of each of its questions, trained alone and together with the others."""
    found = {"model": model.definition_hash}
    if len(model.definition.questions) > 1:
        for each in model.definition.questions:
            found[each.name] = model.only(each.name).definition_hash
            found[f"{each.name}, trained together"] = model.only(each.name, together=True).definition_hash
    return found


class _Record(ChainedFile):
    kind = _KIND


def _opening(entry: Mapping[str, Any]) -> Opening:
    names = ("model", "opened_at", "reason", "first", "last", "tuned", "definitions")
    return Opening(**{name: entry[name] for name in names})
