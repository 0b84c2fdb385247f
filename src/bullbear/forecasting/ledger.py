"""The ledger: every forecast ever made, one JSON line each, chained by hashes, only ever appended (`chained_file`).

A forecast counts once: the same model, ticker and decision yield the same entry when asked again. docs/ledger.md says
what the chain protects against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pandas as pd

from bullbear import sessions
from bullbear.code_version import code_version
from bullbear.definitions import UP
from bullbear.forecasting.chain import Anchor
from bullbear.forecasting.chained_file import ChainedFile, warn

__all__ = [
    "LIVE",
    "REPLAY",
    "SCHEMA_VERSION",
    "UNKNOWN",
    "Ledger",
    "kind_of",
    "kind_of_entry",
    "of_question",
    "warn",
    "with_provenance",
]

SCHEMA_VERSION = 3
LIVE, REPLAY, UNKNOWN = "live", "replay", "unknown"


class Ledger(ChainedFile):
    """The ledger in one JSON-lines file, with its head in another beside it.

    Example
    -------
    >>> import tempfile
    >>> from pathlib import Path
    >>> ledger = Ledger(Path(tempfile.mkdtemp()) / "ledger.jsonl")
    >>> said = {"decided_at": "2019-12-31", "p_up": 0.6}
    >>> entry = ledger.append(said, identity=("decided_at",))
    >>> entry["ledger"]["index"], ledger.append(said, identity=("decided_at",)) == entry
    (0, True)
    """

    def append(self, forecast: Mapping[str, Any], *, identity: tuple[str, ...]) -> dict[str, Any]:
        """Append `forecast`, or return the entry that has the same values under the keys `identity`.

        An entry that is there already is found without a lock and without write access.

        Parameters
        ----------
        forecast
            JSON-ready content without a `ledger` key.
        identity
            Dotted keys that identify a forecast, such as ("ticker", "decided_at", "model.run_id"); a key that is
            absent equals only another absent one.

        Returns
        -------
        dict
            The entry: the content and `ledger {index, hash, previous_hash}`.
        """
        return self.append_all([(forecast, identity)])[0]

    def append_all(self, forecasts: Sequence[tuple[Mapping[str, Any], tuple[str, ...]]]) -> list[dict[str, Any]]:
        """`append` of several forecasts, each with its identity: those that are not there yet, all of them or none.

        Returns
        -------
        list of dict
            The entry of each forecast, in their order.
        """
        content = self._read()
        found = [_find(content.entries, *each) for each in forecasts]
        if None not in found:
            if content.head != Anchor.of(content.entries):
                with suppress(OSError):  # a home that cannot be written to keeps its old head
                    self.renew_head()
            return [each for each in found if each is not None]

        def missing(entries: Sequence[dict[str, Any]]) -> list[Mapping[str, Any]]:
            found[:] = [_find(entries, *each) for each in forecasts]
            return [forecast for (forecast, _), entry in zip(forecasts, found, strict=True) if entry is None]

        written = iter(self.add(missing))
        return [next(written) if entry is None else entry for entry in found]


def kind_of(decided_at: str | pd.Timestamp, issued_at: str | pd.Timestamp) -> str:
    """`live` if issued at or after the decision's close and before the next session opens, else `replay`.

    From the next open on the outcome has begun to show, and the trade that follows from a forecast can no longer be
    made. Both arguments are instants with a time zone.

    Example
    -------
    >>> kind_of("2019-12-24T18:00:00Z", "2019-12-26T14:29:59Z"), kind_of("2019-12-24T18:00:00Z", "2019-12-26T14:30:00Z")
    ('live', 'replay')
    """
    decided, issued = pd.Timestamp(decided_at), pd.Timestamp(issued_at)
    # A session that a newer calendar no longer knows still has a next one.
    tomorrow = sessions.day(decided) + pd.Timedelta(days=1)
    following = sessions.between(tomorrow, tomorrow + pd.Timedelta(days=14))[:1]
    return LIVE if decided <= issued < sessions.opens(following)[0] else REPLAY


def with_provenance(content: Mapping[str, Any], issued_at: pd.Timestamp) -> dict[str, Any]:
    """`content` with schema_version, issued_at (UTC, to the second), kind and code_version.

    Parameters
    ----------
    content
        A forecast with `decided_at`.
    issued_at
        Now, as an instant with a time zone.
    """
    issued = issued_at.tz_convert("UTC").floor("s")
    return {
        **content,
        "schema_version": SCHEMA_VERSION,
        "issued_at": issued.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "kind": kind_of(content["decided_at"], issued),
        "code_version": code_version(),
    }


def of_question(entries: Sequence[dict[str, Any]], question: str = UP.name) -> list[dict[str, Any]]:
    """The entries of one question; those of an older version are of `up`."""
    return [entry for entry in entries if entry.get("question", UP.name) == question]


def kind_of_entry(entry: Mapping[str, Any]) -> str:
    """`live`, `replay`, or `unknown` for an entry from before the schema that records it."""
    kind = entry.get("kind") if entry.get("schema_version") else None
    return str(kind) if kind in (LIVE, REPLAY) else UNKNOWN


def _find(
    entries: Sequence[dict[str, Any]], forecast: Mapping[str, Any], identity: tuple[str, ...]
) -> dict[str, Any] | None:
    for entry in entries:
        if all(_at(entry, key) == _at(forecast, key) for key in identity):
            return entry
    return None


def _at(entry: Mapping[str, Any], key: str) -> Any:
    value: Any = entry
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
