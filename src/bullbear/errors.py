"""One exception class per kind of mistake; each prints as one line.

A message answers four questions: which input, the value received, what is allowed, what to do. The command line
prints it and exits with the class's code; a traceback is for our bugs only.
"""

from __future__ import annotations

from collections.abc import Sequence


class BullbearError(Exception):
    """Base of everything bullbear raises on purpose; `exit_code` is what the command line exits with."""

    exit_code = 1


class InputError(BullbearError):
    """A wrong input: `where` it stands, the `value` received, what is `allowed`, and the `remedy`."""

    exit_code = 2

    def __init__(self, where: str, value: object, allowed: str, remedy: str) -> None:
        self.where, self.value, self.allowed, self.remedy = where, value, allowed, remedy
        super().__init__(f"{where}: got {_quoted(value)}; allowed: {allowed}; {remedy}")

    def __reduce__(self) -> tuple[type[InputError], tuple[str, object, str, str]]:
        return type(self), (self.where, self.value, self.allowed, self.remedy)  # it may cross processes


class DefinitionError(InputError):
    """A feature set, model or odds definition (TOML) that cannot be used; `where` is `file:line`."""


class SnapshotError(InputError):
    """A file of a snapshot directory that is refused whole; `where` is `file:line`."""


class NoDataError(InputError):
    """A series, ticker or date that the store cannot serve."""


class HistoryError(InputError):
    """There is data, but not enough resolved history for what was asked."""


class RunError(InputError):
    """A run that the tracking store does not know, or knows more than once."""


class LedgerError(InputError):
    """The forecast ledger does not verify, or a request contradicts it."""


class MissingExtraError(BullbearError):
    """An optional library is not installed; `extras` are those of pyproject.toml that bring what is missing."""

    exit_code = 2

    def __init__(self, what: str, extras: Sequence[str]) -> None:
        self.what, self.extras = what, tuple(extras)
        names = f"[{','.join(extras)}]"
        super().__init__(f"{what} needs the extra{'s' * (len(extras) > 1)} {names}: pip install 'bullbear{names}'")


class FitError(BullbearError):
    """A learner that could not be fitted with its parameters; takes its message only, since it crosses processes."""

    exit_code = 2


class ExecutionError(BullbearError):
    """Worker processes or a cluster that cannot do the work; takes its message only."""

    exit_code = 2


class ItemError(BullbearError):
    """One of many calls failed: the `item`, and the `cause` as text."""

    def __init__(self, item: str, cause: str) -> None:
        self.item, self.cause = item, cause
        super().__init__(f"{item}: {cause}; what was finished is kept")


class FetchError(BullbearError):
    """A provider that did not deliver a series; `stop` means that it will not deliver others either for now."""

    def __init__(
        self, provider: str, series: str, problem: str, remedy: str, *, status: int = 0, stop: bool = False
    ) -> None:
        self.provider, self.series, self.problem, self.remedy = provider, series, problem, remedy
        self.status, self.stop = status, stop
        super().__init__(f"{provider} {series}: {problem}; {remedy}")


class GateError(BullbearError):
    """Refused by a gate: nothing was wrong with the input, the result is not good enough. Exit code 3."""

    exit_code = 3

    def __init__(self, gate: str, reason: str, remedy: str) -> None:
        self.gate, self.reason, self.remedy = gate, reason, remedy
        super().__init__(f"refused by {gate}: {reason}; {remedy}")


def _quoted(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
