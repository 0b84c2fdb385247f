"""The registry of trials of a home: `trials/trials.jsonl`, chained by hashes and only ever appended to.

What has been looked at cannot be unseen. So the registry lies beside the tracking store, and neither a deleted run nor
a lost store changes a count. A damaged line is refused, since the count would fall by what it held.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from bullbear.code_version import code_version
from bullbear.errors import TrialsError
from bullbear.forecasting.chain import Kind
from bullbear.forecasting.chained_file import ChainedFile, warn
from bullbear.trials.kept_forecasts import keep_forecasts, read_forecasts
from bullbear.trials.trial import Identity, Trial, instant

__all__ = ["Seen", "TrialRegistry", "TrialsError"]

Seen = tuple[Trial, pd.DataFrame | None]
"""A trial, with its forecasts where they are kept: `p` and `y` by `decided_at`."""


class _TrialFile(ChainedFile):
    kind = Kind(
        TrialsError,
        "the registry of trials",
        "restore it and its .head from a copy; trials cannot be edited (docs/evaluation.md)",
        "the next training",
    )

    @property
    def name(self) -> str:
        return str(self.path)


class TrialRegistry:
    """The trials in one folder.

    Example
    -------
    >>> import tempfile
    >>> registry = TrialRegistry(Path(tempfile.mkdtemp()) / "trials")
    >>> seen = Trial("train", "trees", "up", "real", definition_hash="ab12")
    >>> _ = registry.record([(seen, None)]), registry.record([(seen, None)])
    >>> [trial.seen_again for trial in registry.trials()]
    [0, 1]
    """

    def __init__(self, folder: Path, *, say: Callable[[str], None] = warn) -> None:
        self._forecasts = folder / "forecasts"
        self._file = _TrialFile(folder / "trials.jsonl", say=say)

    @property
    def path(self) -> Path:
        """The file of the trials."""
        return self._file.path

    def trials(self) -> list[Trial]:
        """All trials in the order in which they were recorded; no lock is needed and nothing written.

        Raises
        ------
        TrialsError
            A line was edited, removed or slipped in, or the end was cut off: the count cannot be trusted.
        """
        return [self._trial(entry) for entry in self._file.entries()]

    def _trial(self, entry: dict[str, Any]) -> Trial:
        try:
            return Trial.of(entry)
        except TypeError as bad:
            where, kind = f"{self.path}:{entry['ledger']['index'] + 1}", self._file.kind
            raise TrialsError(where, str(bad), f"an entry of {kind.named}", kind.remedy) from bad

    def record(self, seen: Sequence[Seen]) -> list[Trial]:
        """Append what was seen just now, all or none.

        A model, or a variant of a policy, that was recorded before is recorded as seen again: it counts once. A run
        that another process has taken over meanwhile is not recorded twice.

        Raises
        ------
        TrialsError
            See `trials`; nothing is written.
        OSError
            Nothing can be written.
        """

        def new(trials: Sequence[Trial], known: _Known) -> list[Trial]:
            return [_noted(trial, known) for trial in trials if not (trial.is_training and known.has(trial))]

        return self._add(seen, new)

    def take_over(self, seen: Sequence[Seen]) -> list[Trial]:
        """Append what the tracking store knows and the registry does not; errors are those of `record`."""

        def unknown(trials: Sequence[Trial], known: _Known) -> list[Trial]:
            found = [_noted(trial, known) for trial in trials if not known.has(trial)]
            return [replace(trial, taken_over=True) for trial in found]

        return self._add(seen, unknown)

    def _add(self, seen: Sequence[Seen], choose: Callable[[Sequence[Trial], _Known], list[Trial]]) -> list[Trial]:
        # The files of forecasts first: an entry never names one that is not there.
        trials = [
            trial if forecasts is None else replace(trial, forecasts=keep_forecasts(self._forecasts, forecasts))
            for trial, forecasts in seen
        ]
        version = code_version()

        def new(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
            now = instant(pd.Timestamp.now("UTC"))  # under the lock, so that entries are in the order of their times
            chosen = choose(trials, _Known([self._trial(entry) for entry in entries]))
            return [
                replace(trial, at=trial.at or now, code_version=trial.code_version or version).as_entry()
                for trial in chosen
            ]

        return [self._trial(entry) for entry in self._file.add(new)]

    def forecasts_of(self, trial: Trial) -> pd.DataFrame | None:
        """The out-of-sample forecasts of a trial, `p` and `y` by `decided_at`; None where none are whole."""
        return None if trial.forecasts is None else read_forecasts(self._forecasts, trial.forecasts)


class _Known:
    """What is recorded, to be asked about many trials."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self.runs = {(trial.question, trial.run_id) for trial in trials if trial.is_training and trial.run_id}
        self.models = {_asked(trial) for trial in trials if trial.is_training}
        self.variants = {
            (*_asked(trial), digest) for trial in trials if not trial.is_training for digest in trial.variants
        }

    def has(self, trial: Trial) -> bool:
        """Whether a run, or every variant, is recorded."""
        if trial.is_training:
            return (trial.question, trial.run_id) in self.runs
        return all((*_asked(trial), digest) in self.variants for digest in trial.variants)


def _noted(trial: Trial, known: _Known) -> Trial:
    """A trial with what of it was seen before; of variants only the new ones are listed."""
    if trial.is_training:
        return replace(trial, seen_again=int(_asked(trial) in known.models))
    new = {digest: ratio for digest, ratio in trial.variants.items() if (*_asked(trial), digest) not in known.variants}
    return replace(trial, variants=new, seen_again=len(trial.variants) - len(new))


def _asked(trial: Trial) -> tuple[str, str | None, Identity]:
    return trial.question, trial.data, trial.identity
