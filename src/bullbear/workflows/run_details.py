"""What `bullbear evaluate` says of a run beyond its scores: where its skill comes from, and what could be luck."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bullbear.documents import json_ready
from bullbear.errors import HistoryError, TrialsError
from bullbear.evaluate import Evaluation
from bullbear.evaluate.breakdown import Slice, breakdown
from bullbear.evaluate.power import power, skill_needed
from bullbear.evaluate.reliability import CalibrationTest, calibration_test
from bullbear.evaluate.sample import Sample
from bullbear.evaluate.tried_models import LEAST_MODELS, TriedModels, on_common_days, tried_models
from bullbear.home import Home
from bullbear.workflows.holdout_skill import HoldOutSkill, holdout_skill
from bullbear.workflows.market_states import market_states

if TYPE_CHECKING:
    from bullbear.tracking import Run, Runs

SKILLS = (0.01, 0.02, 0.05, 0.10)
"""True Brier skills whose chance to be seen is shown."""
SEEN = 0.8
"""The chance with which `skill_needed` would be seen."""


@dataclass(frozen=True)
class Power:
    """The probability that a true Brier skill passes the skill test with this history and this number of tries."""

    tried: int
    n_effective: float
    error: float
    by_skill: Mapping[float, float]
    skill_needed: float


@dataclass(frozen=True)
class RunDetails:
    """`models` is None where there is nothing to compare, `hold_out` where no forecast lies inside a sealed period.

    Where the registry of trials cannot be read, `power` and `models` are None and `uncounted` says why.
    """

    parts: Mapping[str, tuple[Slice, ...]]
    calibration: CalibrationTest
    power: Power | None
    models: TriedModels | None
    hold_out: HoldOutSkill | None = None
    uncounted: str | None = None

    def as_dict(self, by_year: list[dict[str, Any]]) -> dict[str, Any]:
        """Further keys of `evaluate --json`, ready for JSON; the rows of `by_year` get their intervals."""
        rows = {name: [asdict(part) for part in parts] for name, parts in self.parts.items()}
        years = {int(row["label"]): row for row in rows.pop("year")}
        ends = [f"{skill}_{end}" for skill in ("bss", "log_loss_skill") for end in ("low", "high")]
        without = rows.pop("without_best_year")
        rest = without[0] if without else None
        of_models = None
        if self.models is not None:
            over, spa = self.models.overfitting, self.models.spa
            of_models = {
                "n": self.models.n,
                "models": self.models.models,
                "left_out": self.models.left_out,
                "least_days": self.models.least_days,
                "spa_p_value": None if spa is None else spa.p_value,
                "pbo": None if over is None else over.pbo,
                "loss_share": None if over is None else over.loss_share,
            }
        found: dict[str, Any] = json_ready(
            {
                "by_year": [{**row, **{end: years[row["year"]][end] for end in ends}} for row in by_year],
                **{f"by_{name}": [{name: row.pop("label"), **row} for row in of] for name, of in rows.items()},
                "without_best_year": rest and {"best_year": int(rest.pop("label")), **rest},
                "calibration_p_value": self.calibration.p_value,
                "tried": None if self.power is None else self.power.tried,
                "power": None if self.power is None else _power_document(self.power),
                "all_models": of_models,
                "hold_out": None if self.hold_out is None else self.hold_out.as_dict(),
            }
        )
        return found


def _power_document(power: Power) -> dict[str, Any]:
    return {
        "error": power.error,
        "by_skill": [{"skill": skill, "probability": value} for skill, value in power.by_skill.items()],
        "skill_needed": power.skill_needed,
        "probability_needed": SEEN,
    }


def run_details(home: Home, runs: Runs, run: Run, found: Evaluation) -> RunDetails:
    """The details of a walk-forward run; `found` is its evaluation."""
    rows = Sample.of(run.predictions)
    chance, models, uncounted = None, None, None
    try:
        chance = _power(home, runs.tried(run), found)
        models = beside_all_tried(runs, run)
    except TrialsError as bad:
        uncounted = f"how many models were tried is unknown, so there is no power, no SPA and no PBO: {bad}"
    return RunDetails(
        parts=breakdown(run.predictions, market_states(home, run.bundle.definition.target.ticker)),
        calibration=calibration_test(rows.y, rows.p, found.horizon, session=rows.session),
        power=chance,
        models=models,
        hold_out=holdout_skill(home, run.predictions),
        uncounted=uncounted,
    )


def _power(home: Home, tried: int, found: Evaluation) -> Power:
    error = home.promotion().skill.error / tried
    n, horizon = found.n_sessions, found.horizon
    return Power(
        tried=tried,
        n_effective=found.n_effective,
        error=error,
        by_skill=dict(zip(SKILLS, power(SKILLS, n, horizon, error=error).tolist(), strict=True)),
        skill_needed=skill_needed(n, horizon, probability=SEEN, error=error),
    )


def beside_all_tried(runs: Runs, run: Run, *, least_models: int = LEAST_MODELS) -> TriedModels | None:
    """A run beside every other model tried on its question; None where there is nothing to compare.

    A run of the base rate is no model tried: only the others stand on its days. `least_models` are those from which on
    the probability of backtest overfitting is computed.
    """
    others = {each.name: each.forecasts for each in runs.others_tried(run)}
    try:
        days = on_common_days(run.of_target, others, name=f"{run.model} {run.run_id[:8]}", counts=runs.is_try(run))
        return tried_models(days, least_models=least_models) if days.names else None
    except HistoryError:
        return None
