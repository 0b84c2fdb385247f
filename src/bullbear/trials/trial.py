"""A trial: one result that somebody saw, and what makes it a try of its own.

A model is a definition, of whatever ticker and horizon, together with the first and last day asked for: a choice among
horizons or among spans is one among tries, too. A policy tried on a model's forecasts is a variant of that model. The
base rate is the benchmark, not a try, unless it forgets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

import pandas as pd

TRAIN, TUNE, AUDIT, SWEEP, POLICY = "train", "tune", "audit", "sweep", "policy"
"""What was tried: a training, one with a search for parameters, the audit of a model that was never trained, a sweep of
policies, another policy."""
TRAINED = (TRAIN, TUNE, AUDIT)
SCHEMA_VERSION = 1

Identity = tuple[str | None, str | None, str | None]
"""Definition hash, first and last day asked for."""


@dataclass(frozen=True)
class Trial:
    """An entry of the registry; see `identity` for what is counted once.

    `start` and `end` are the days asked for, None where none was. `counts` is False for the benchmark. `search_trials`
    says how many parameters a nested search tried: it is part of one procedure, and one try. `brier_skill` and the
    annual `sharpe` are as they were seen, None where there is none. `variants` holds the annual Sharpe ratio of each
    policy tried on the model's forecasts, by `decide.grid.digest`. `taken_over`: seen before there was a registry, or
    elsewhere, and found in the tracking store.
    """

    what: str
    model: str
    question: str
    data: str | None
    """`real` or `SIMULATED`; None of a run from before that was recorded."""
    definition_hash: str | None
    start: str | None = None
    end: str | None = None
    at: str = ""
    """When it was seen, UTC; the registry sets it where it is empty."""
    ticker: str | None = None
    horizon: int | None = None
    run_id: str | None = None
    """None of a training that the tracking store did not take."""
    counts: bool = True
    search_trials: int | None = None
    brier_skill: float | None = None
    sharpe: float | None = None
    named: str | None = None
    """The policy of `backtest --policy`, or the file of a sweep."""
    variants: Mapping[str, float | None] = field(default_factory=dict)
    seen_again: int = 0
    """Of what this trial shows, how many had been recorded before: a model counts once, and so does a variant."""
    forecasts: str | None = None
    """SHA-256 of the file of its out-of-sample forecasts."""
    taken_over: bool = False
    code_version: str | None = None

    @property
    def identity(self) -> Identity:
        """What makes a training a try of its own."""
        return (self.definition_hash, self.start, self.end)

    @property
    def is_training(self) -> bool:
        """Whether it is a model, and not a policy tried on one."""
        return self.what in TRAINED

    def as_entry(self) -> dict[str, Any]:
        """As it stands in the registry; what is unknown or usual is left out."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        found["variants"] = dict(self.variants)
        unsaid = {each.name: each.default for each in fields(self) if each.default is not MISSING} | {"variants": {}}
        kept = {name: value for name, value in found.items() if name not in unsaid or value != unsaid[name]}
        return {**kept, "counts": self.counts, "schema_version": SCHEMA_VERSION}

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Trial:
        """The inverse of `as_entry`; keys that this version does not know are skipped."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in entry.items() if name in known})


def is_base_rate(learner: Mapping[str, Any] | None) -> bool:
    """Whether the table of a learner is that of the benchmark: the base rate of all outcomes so far."""
    table = learner or {}
    return table.get("kind") == "climatology" and not {"window", "half_life"} & table.keys()


def instant(at: pd.Timestamp) -> str:
    """An instant as it is written, to the millisecond.

    Example
    -------
    >>> instant(pd.Timestamp("2026-01-02 21:00:00.1234Z"))
    '2026-01-02T21:00:00.123Z'
    """
    return at.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
