"""What an account's walk rests on, as one digest: every number that it reads, the rules, and the code that walks it.

A walk from the first forecast to the last takes a replay longer than everything else. Its account may be kept under
this digest and taken up again: a corrected bar, a refit, a promotion, an edited policy or another version of the code
each give another digest, so that a kept account never answers for other inputs than its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from hashlib import sha256
from typing import Any, Protocol

import numpy as np
import pandas as pd

from bullbear.code_version import running_code
from bullbear.dataset.predictions import Predictions
from bullbear.decide.book import Book
from bullbear.decide.instruments import instruments_in
from bullbear.decide.market import Market
from bullbear.decide.policy import Policy
from bullbear.user_code import digests

_READ = ("p", "p_low", "p_high", "climatology")


class KeptBooks(Protocol):
    """Where accounts are kept by digest."""

    def read(self, digest: str) -> Book | None:
        """The account that was kept, None if there is none."""
        ...

    def write(self, digest: str, book: Book) -> None:
        """Keep an account."""
        ...


def walk_digest(market: Market, policy: Policy, predictions: Predictions) -> str:
    """The digest of a walk of `policy` over `market` on `predictions`.

    `market` must not have been read yet: what it works out on demand follows from what is digested here.
    """
    code = running_code("bullbear.decide")
    own = digests([type(policy), *map(type, instruments_in(policy))])
    plain = [code, own, policy.kind, policy.model_dump(mode="json")]
    seal = sha256(json.dumps(plain, sort_keys=True, default=str).encode())
    table = predictions.table
    seal.update(table["question"].str.cat(sep="\n").encode())
    seal.update(pd.DatetimeIndex(table["decided_at"]).asi8.tobytes())
    for name in _READ:
        seal.update(table[name].to_numpy(dtype=np.float64).tobytes())
    for each in fields(Market):
        _add(seal, each.name)
        _add(seal, getattr(market, each.name))
    return seal.hexdigest()


def _add(seal: Any, value: Any) -> None:
    """Add a value to a hash; tags and lengths keep parts apart."""
    if isinstance(value, str | bool | int | None):
        seal.update(f"{type(value).__name__} {value}\n".encode())
    elif isinstance(value, float):
        seal.update(b"float " + np.float64(value).tobytes())
    elif isinstance(value, pd.DatetimeIndex):
        seal.update(f"instants {len(value)}\n".encode() + value.asi8.tobytes())
    elif isinstance(value, Mapping):
        seal.update(f"mapping {len(value)}\n".encode())
        for name in value:
            _add(seal, str(name))
            _add(seal, value[name])
    elif isinstance(value, Sequence):
        numbers = np.asarray(value, dtype=np.float64)
        seal.update(f"numbers {len(value)}\n".encode() + numbers.tobytes())
    else:  # the frozen records of a market
        for each in fields(value):
            _add(seal, each.name)
            _add(seal, getattr(value, each.name))
