"""One exception class per kind of mistake; each prints as one line.

The command line prints the message and exits with the class's code; only a bug shows a traceback.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Found(str):
    """What stands in the place of a value, such as "no such file": printed as it is, not as a value received."""


class BullbearError(Exception):
    """Base of all errors that bullbear raises; `exit_code` is that of the command line."""

    exit_code = 1


class InputError(BullbearError):
    """A wrong input: `where` it is, the `value` received or `Found`, what is `allowed`, and the `remedy`."""

    exit_code = 2

    def __init__(self, where: str, value: object, allowed: str, remedy: str) -> None:
        self.where, self.value, self.allowed, self.remedy = where, value, allowed, remedy
        received = str(value) if isinstance(value, Found) else f"got {_quoted(value)}"
        super().__init__(f"{where}: {received}; allowed: {allowed}; {remedy}")

    def __reduce__(self) -> tuple[type[InputError], tuple[str, object, str, str]]:
        return type(self), (self.where, self.value, self.allowed, self.remedy)  # picklable, for worker processes


class DefinitionError(InputError):
    """A feature set, model or odds definition (TOML) that cannot be used; `where` is `file:line`."""


class SnapshotError(InputError):
    """A refused file of a snapshot directory; `where` is `file:line`."""


class NoDataError(InputError):
    """A series, ticker or date that the store cannot serve."""


class HistoryError(InputError):
    """Not enough resolved history."""


class RunError(InputError):
    """A run that is not in the tracking store, or an ambiguous name of one."""


class LedgerError(InputError):
    """The forecast ledger does not verify, or a request contradicts it."""


class TrialsError(InputError):
    """The registry of trials does not verify: how much was tried cannot be told."""


class OpeningsError(InputError):
    """The record of who opened a hold-out does not verify."""


class MissingExtraError(BullbearError):
    """An optional library is not installed; one of `extras` in pyproject.toml installs it."""

    exit_code = 2

    def __init__(self, what: str, extras: Sequence[str]) -> None:
        self.what, self.extras = what, tuple(extras)
        names = f"[{','.join(extras)}]"
        super().__init__(f"{what} needs the extra{'s' * (len(extras) > 1)} {names}: pip install 'bullbear{names}'")


class FitError(BullbearError):
    """A learner that could not be fitted; takes its message only, so that it can be pickled."""

    exit_code = 2


class ExecutionError(BullbearError):
    """Worker processes or a cluster that failed; takes its message only, too."""

    exit_code = 2


class ItemError(BullbearError):
    """One of many calls failed; `cause` is a text."""

    def __init__(self, item: str, cause: str) -> None:
        self.item, self.cause = item, cause
        super().__init__(f"{item}: {cause}; what was finished is kept")


class FetchError(BullbearError):
    """A provider did not deliver a series; `stop`: it will not deliver others now either."""

    def __init__(
        self, provider: str, series: str, problem: str, remedy: str, *, status: int = 0, stop: bool = False
    ) -> None:
        self.provider, self.series, self.problem, self.remedy = provider, series, problem, remedy
        self.status, self.stop = status, stop
        super().__init__(f"{provider} {series}: {problem}; {remedy}")


class GateError(BullbearError):
    """Refused by a gate: the input is right, but the result not good enough. Exit code 3.

    `verdict` is the document of a gate that made several tests, with every number.
    """

    exit_code = 3

    def __init__(self, gate: str, reason: str, remedy: str, verdict: Mapping[str, Any] | None = None) -> None:
        self.gate, self.reason, self.remedy, self.verdict = gate, reason, remedy, verdict
        super().__init__(f"refused by {gate}: {reason}; {remedy}")


class HoldOutError(GateError):
    """A fit or a choice that would read the days sealed by `models/holdout.toml`. Exit code 3."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__("the hold-out", reason, remedy)

    def __reduce__(self) -> tuple[type[HoldOutError], tuple[str, str]]:
        return type(self), (self.reason, self.remedy)


def _quoted(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
