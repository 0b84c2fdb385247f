"""`bullbear evaluate` and `bullbear compare`: the scores of runs, against climatology and each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bullbear.data.oracle import true_probabilities
from bullbear.dataset.predictions import Predictions
from bullbear.errors import Found, InputError
from bullbear.evaluate import (
    Comparison,
    Evaluation,
    OracleShare,
    PathScores,
    compare,
    path_scores,
    share_of_oracle,
)
from bullbear.evaluate.all_models import SuperiorAbility, confidence_set, superior_ability
from bullbear.evaluate.tried_models import on_common_days
from bullbear.home import Home
from bullbear.sessions import days
from bullbear.statistics.bootstrap import RESAMPLES
from bullbear.workflows.kept_evaluations import evaluation_of

if TYPE_CHECKING:
    from bullbear.tracking import Run

BASE_RATE = "the base rate"
TICKER = "IWM"
"""What the truth of a simulated market is about."""


def evaluate_run(run: Run, kept: Path | None = None) -> Evaluation | PathScores:
    """Score a run's out-of-sample forecasts, those of a combinatorial splitter path by path.

    `kept` is the folder of evaluations that were computed before (`Home.evaluations`).
    """
    return evaluation_of(run.predictions, kept) if run.bundle.is_walk_forward else path_scores(run.predictions)


def require_walk_forward(run: Run, where: str) -> None:
    """Refuse a run whose models have seen later data than they forecast.

    Raises
    ------
    InputError
        It was trained by a combinatorial splitter.
    """
    if not run.bundle.is_walk_forward:
        kind = run.bundle.definition.splitter["kind"]
        value = f"{run.model} {run.run_id[:8]}, trained by a {kind} splitter"
        raise InputError(where, value, "a walk-forward run", "use `bullbear evaluate`, or choose another run")


def compare_runs(runs: Sequence[Run]) -> list[Comparison]:
    """Every pair of runs on the days that all of them forecast, scored on the outcomes that the newest data know.

    Runs that were trained at different times may hold different outcomes of one day: a price was corrected in between.

    Raises
    ------
    InputError
        The runs forecast different tickers, answer different questions, or over different horizons, or one was not
        trained walk-forward.
    """
    return compare(_with_newest_outcomes(runs))


@dataclass(frozen=True)
class Field:
    """Runs of one question together: whether any beats the base rate, and which may be the best, by p-value.

    `included` are the names of the model confidence set, the base rate among them where it may be the best.
    """

    n: int
    spa: SuperiorAbility
    included: tuple[str, ...]
    p_values: Mapping[str, float]
    error: float

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "n": self.n,
            "spa_p_value": self.spa.p_value,
            "spa_p_lower": self.spa.p_lower,
            "spa_p_upper": self.spa.p_upper,
            "confidence_set": list(self.included),
            "confidence_set_p_values": dict(self.p_values),
            "confidence": 1.0 - self.error,
            "mean_block": self.spa.mean_block,
            "resamples": self.spa.resamples,
            "seed": self.spa.seed,
        }


def field_of(runs: Sequence[Run]) -> Field:
    """All runs on the days that all of them forecast, by Brier score; errors are those of `compare_runs`."""
    first, *others = _with_newest_outcomes(runs).items()
    frames: dict[str, pd.DataFrame | None] = {
        name: made.resolved().table.set_index("decided_at")[["p", "y"]] for name, made in others
    }
    shared = on_common_days(first[1], frames, name=first[0], coverage=0.0)
    found = confidence_set(np.column_stack([shared.losses, shared.benchmark]), shared.horizon)
    names = (*shared.names, BASE_RATE)
    return Field(
        n=found.n,
        spa=superior_ability(shared.benchmark, shared.losses, shared.horizon),
        included=tuple(names[place] for place in found.included),
        p_values=dict(zip(names, found.p_values, strict=True)),
        error=found.error,
    )


def _with_newest_outcomes(runs: Sequence[Run]) -> dict[str, Predictions]:
    for run in runs:
        require_walk_forward(run, "RUN RUN ...")
    targets = {(run.bundle.definition.target.ticker, run.bundle.question, run.horizon): run for run in runs}
    if len(targets) > 1:
        shown = ", ".join(
            f"{run.model} {run.run_id[:8]}: {t} {q} over {h} sessions" for (t, q, h), run in targets.items()
        )
        raise InputError("RUN RUN ...", shown, "runs of one ticker, question and horizon", "compare runs of one target")
    frames = {f"{run.model} {run.run_id[:8]}": run.of_target.table for run in runs}
    by_age = sorted(frames.values(), key=lambda frame: frame.loc[frame["y"].notna(), "resolved_at"].max())
    known = pd.concat(by_age).dropna(subset=["y"]).drop_duplicates("decided_at", keep="last")
    outcomes = known.set_index("decided_at")["y"]
    final = {name: frame.assign(y=frame["decided_at"].map(outcomes)) for name, frame in frames.items()}
    return {name: Predictions(frame) for name, frame in final.items()}


def shared_questions(named: Sequence[Sequence[Run]]) -> dict[str, list[Run]]:
    """The runs of each question, each run once; of several trainings those questions that all of them answer.

    Parameters
    ----------
    named
        Of each training the run of each of its questions.

    Raises
    ------
    InputError
        They have no question in common, or two of them are the same training.
    """
    for place, of in enumerate(named):
        if [run.run_id for run in of] in [[run.run_id for run in before] for before in named[:place]]:
            same = Found(f"{of[0].model} {of[0].run_id[:8]} twice")
            raise InputError("RUN RUN ...", same, "different runs", "name another one, or use `bullbear evaluate`")
    common = [run.bundle.question for run in named[0]]
    for others in named[1:]:
        answered = {run.bundle.question for run in others}
        common = [question for question in common if question in answered]
    if not common:
        shown = "; ".join(
            ", ".join(f"{run.model} {run.run_id[:8]}: {run.bundle.question}" for run in of) for of in named
        )
        raise InputError("RUN RUN ...", shown, "runs with a question in common", "compare runs of one question")
    return {
        question: list({run.run_id: run for of in named for run in of if run.bundle.question == question}.values())
        for question in common
    }


def oracle_share(home: Home, run: Run, *, resamples: int = RESAMPLES) -> OracleShare | None:
    """A walk-forward run's skill as a share of what knowing a simulated market's state was worth.

    None on real data, and for a ticker of which there is no truth. `resamples` are those of its interval.
    """
    target = run.bundle.definition.target
    if not (run.simulated and run.bundle.is_walk_forward and target.ticker == TICKER):
        return None
    predictions = run.of_target.table
    sessions = days(pd.DatetimeIndex(predictions["decided_at"]))
    found = true_probabilities(home.root, target.question, others=home.questions().values())
    truth = found.set_index("decided").reindex(sessions)
    resolved = predictions["y"].notna().to_numpy()
    return share_of_oracle(
        predictions["y"].to_numpy()[resolved],
        predictions["p"].to_numpy()[resolved],
        truth["p"].to_numpy()[resolved],
        predictions["climatology"].to_numpy()[resolved],
        truth_error=truth["error"].to_numpy()[resolved],
        horizon=run.horizon,
        resamples=resamples,
    )
