"""The other models tried on a run's question, with what each of them forecast: from the registry, else from its run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bullbear.tracking.known_trials import PREDICTIONS, KnownTrials, read_forecasts
from bullbear.tracking.run import Run
from bullbear.tracking.stored_runs import StoredRun
from bullbear.trials import Trial

SIZE = "size/n"


@dataclass(frozen=True)
class Try:
    """The newest training of one definition and span; `forecasts` are None where they are gone or not comparable.

    `forecasts` holds `p` and `y` by `decided_at`, of the target alone.
    """

    run_id: str | None
    model: str
    forecasts: pd.DataFrame | None
    sharpe: float | None = None
    """Annual Sharpe ratio of its backtest, where it has one."""
    seen_at: str = ""

    @property
    def name(self) -> str:
        """Model and the beginning of the run's id, or when it was seen where no store took it."""
        return f"{self.model} {self.run_id[:8] if self.run_id else self.seen_at}"


def read_try(
    trial: Trial, run: Run, known: KnownTrials, artifact: Callable[[StoredRun, str], Path], least: float = 0.0
) -> Try:
    """A trial as a try beside `run`.

    Parameters
    ----------
    artifact
        The place of one artifact of a run.
    least
        Scored forecasts without which it is not comparable, and nothing of its run is fetched.
    """
    forecasts = None
    # A run from before the parameter was logged may be of any target.
    is_comparable = trial.ticker is None or (
        (trial.ticker, trial.horizon) == (run.bundle.definition.target.ticker, run.horizon)
    )
    if is_comparable:
        forecasts = known.registry.forecasts_of(trial)
        stored = next((each for each in known.stored if each.run_id == trial.run_id), None)
        if forecasts is None and stored is not None and stored.metrics.get(SIZE, least) >= least:
            try:
                forecasts = read_forecasts(artifact(stored, PREDICTIONS))
            except Exception:  # whatever the store raises for a file that is gone
                forecasts = None
    return Try(trial.run_id, trial.model, forecasts, trial.sharpe, trial.at)
