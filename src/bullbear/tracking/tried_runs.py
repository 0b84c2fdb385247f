"""Everything that was tried on a question, and what each of it forecast.

A model is a definition, of whatever ticker and horizon, together with the first and last day asked for: a choice among
horizons or among spans is one among tries, too. Climatology is the benchmark, not a try, unless it forgets. Runs that
were deleted since count: what has been looked at cannot be unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bullbear.definitions import UP
from bullbear.tracking.run import Run
from bullbear.tracking.stored_runs import StoredRun
from bullbear.tracking.tags import QUESTION, QUESTIONS
from bullbear.tracking.tries import identity, is_benchmark

PREDICTIONS = "predictions.csv"
SHARPE = "trading/policy_sharpe"
_FIRST_SHARPE = "backtest/policy_sharpe"
"""As it was called at first."""
SIZE = "size/n"


@dataclass(frozen=True)
class Try:
    """The newest training of one definition and span; `forecasts` are None where they are gone or not comparable.

    `forecasts` holds `p` and `y` by `decided_at`, of the target alone.
    """

    run_id: str
    model: str
    forecasts: pd.DataFrame | None
    sharpe: float | None = None
    """Annual Sharpe ratio of its backtest, where it has one."""

    @property
    def name(self) -> str:
        """Model and the beginning of the run's id."""
        return f"{self.model} {self.run_id[:8]}"


def tries_on(found: Iterable[StoredRun], run: Run) -> dict[tuple[str | None, ...], StoredRun]:
    """Of finished runs, newest first, the newest of each try on the question and kind of data of `run`."""
    newest: dict[tuple[str | None, ...], StoredRun] = {}
    for each in found:
        tags, params = each.tags, each.params
        # Runs from before the tag are of `up`; a parent is no try itself, its children are.
        question = None if QUESTIONS in tags else tags.get(QUESTION, UP.name)
        if question == run.question and tags.get("data") == run.tags.get("data") and not is_benchmark(params):
            newest.setdefault(identity(tags, params), each)
    return newest


def read_try(each: StoredRun, run: Run, artifact: Callable[[StoredRun, str], Path], least: float = 0.0) -> Try:
    """A finished run as a try beside `run`.

    Parameters
    ----------
    artifact
        The place of one artifact of a run.
    least
        Scored forecasts without which it is not comparable, and nothing of it is fetched.
    """
    name = each.tags.get("model", "?")
    # `run` itself may be a champion without its parameters.
    target = f"{run.bundle.definition.target.ticker} {run.horizon} sessions"
    forecasts = None
    if each.params.get("target", target) == target and each.metrics.get(SIZE, least) >= least:
        try:
            forecasts = _read(artifact(each, PREDICTIONS))
        except Exception:  # whatever the store raises for a file that is gone; a damaged one counts as gone
            forecasts = None
    return Try(str(each.run_id), name, forecasts, each.metrics.get(SHARPE, each.metrics.get(_FIRST_SHARPE)))


def _read(path: Path) -> pd.DataFrame | None:
    """The resolved forecasts of one target; None for a run of several paths, whose models have seen later data."""
    table = pd.read_csv(path)
    if "path" in table.columns:
        return None
    resolved = table[table["y"].notna()]
    decided = pd.to_datetime(resolved["decided_at"], utc=True, format="ISO8601").astype("datetime64[us, UTC]")
    return pd.DataFrame({"p": resolved["p"].to_numpy(), "y": resolved["y"].to_numpy()}, index=pd.DatetimeIndex(decided))
