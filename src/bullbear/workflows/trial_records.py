"""What is recorded as a trial, at the moment in which its out-of-sample result can be seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from bullbear.decide.performance import excess_returns, sharpe
from bullbear.errors import BullbearError
from bullbear.evaluate import Evaluation
from bullbear.home import Home
from bullbear.model import Model
from bullbear.trials import AUDIT, TRAIN, TUNE, Trial, TrialRegistry, is_base_rate
from bullbear.trials.registry import Seen
from bullbear.workflows.backtesting import own_digest
from bullbear.workflows.trained import TrainedQuestion

if TYPE_CHECKING:
    from bullbear.tracking import Run, Runs


class TrialsSeen:
    """The trials of a training: one for each question."""

    def __init__(
        self,
        home: Home,
        judged: Mapping[str, TrainedQuestion],
        *,
        start: str | None,
        end: str | None,
        simulated: bool,
    ) -> None:
        self._home, self._judged = home, judged
        self._start, self._end, self._data = start, end, "SIMULATED" if simulated else "real"

    def record(self, run_ids: Mapping[str, str]) -> tuple[str, ...]:
        """Record them; what fails becomes a note.

        Parameters
        ----------
        run_ids
            The run of each question; empty where the tracking store did not take the training.
        """
        try:
            TrialRegistry(self._home.trials).record(
                [self._seen(each, run_ids.get(name)) for name, each in self._judged.items()]
            )
        except (BullbearError, OSError) as bad:
            # The training stands. Its run is taken over as soon as the registry can be written to.
            return (f"the training is not yet in the registry of trials: {bad}",)
        return ()

    def _seen(self, each: TrainedQuestion, run_id: str | None) -> Seen:
        from bullbear.tracking.known_trials import finite

        definition, scores = each.model.definition, each.evaluation
        is_walk_forward = isinstance(scores, Evaluation)
        counts = not is_base_rate(definition.learner)
        trial = Trial(
            what=TRAIN if definition.search is None else TUNE,
            model=definition.name,
            question=definition.target.question.name,
            data=self._data,
            definition_hash=each.model.definition_hash,
            start=self._start,
            end=self._end,
            ticker=definition.target.ticker,
            horizon=definition.target.horizon,
            run_id=run_id,
            counts=counts,
            search_trials=each.trials,
            brier_skill=finite(scores.bss if isinstance(scores, Evaluation) else scores.bss_mean),
            sharpe=None if each.backtest is None else finite(sharpe(excess_returns(each.backtest.account))),
        )
        return trial, _resolved(each) if counts and is_walk_forward else None


def _resolved(each: TrainedQuestion) -> pd.DataFrame:
    """The scored forecasts of the target."""
    made = each.predictions.select(asset=each.model.definition.target.ticker).resolved().table
    return made.set_index("decided_at")[["p", "y"]]


def record_audited(
    home: Home,
    model: Model,
    skills: Mapping[str, Mapping[str, Any]],
    *,
    end: str | None,
    simulated: bool,
    say: Callable[[str], None],
) -> None:
    """Record the audit of a model that was never trained: its skill is seen as if it had been trained.

    Parameters
    ----------
    skills
        The figures of the check `publication` for each question.
    end
        The last day asked for; see `sealed_training.end_before_seal`.
    say
        Called with a note where it cannot be recorded.

    Raises
    ------
    TrialsError
        The registry is damaged.
    """
    from bullbear.tracking.known_trials import finite

    seen = []
    for question, figures in skills.items():
        of = model.only(question, together=True)
        target = of.definition.target
        trial = Trial(
            what=AUDIT,
            model=of.definition.name,
            question=question,
            data="SIMULATED" if simulated else "real",
            definition_hash=of.definition_hash,
            end=end,
            ticker=target.ticker,
            horizon=target.horizon,
            counts=not is_base_rate(of.definition.learner),
            brier_skill=finite(figures["skill"][0]),
        )
        seen.append((trial, None))
    try:
        TrialRegistry(home.trials).record(seen)
    except OSError as bad:
        say(f"the audit could not be recorded as a trial: {bad}")


def record_variants(
    home: Home,
    runs: Runs,
    run: Run,
    what: str,
    named: str,
    ratios: Mapping[str, float | None],
    say: Callable[[str], None],
) -> None:
    """Record policies that were tried on the forecasts of a run; its own is part of its training, and no other try.

    Parameters
    ----------
    what, named
        `SWEEP` and the grid, or `POLICY` and the policy's name.
    ratios
        The annual Sharpe ratio of each, by digest.
    say
        Called with a note where they cannot be recorded.

    Raises
    ------
    TrialsError
        The registry is damaged.
    """
    from bullbear.tracking.known_trials import finite

    own = own_digest(run)
    variants = {name: finite(ratio) for name, ratio in ratios.items() if name != own}
    if not variants:
        return
    definition_hash, start, end = runs.identity(run)
    trial = Trial(
        what=what,
        model=run.model,
        question=run.question,
        data=run.tags.get("data"),
        definition_hash=definition_hash,
        start=start,
        end=end,
        ticker=run.bundle.definition.target.ticker,
        horizon=run.horizon,
        run_id=run.run_id,
        named=named,
        variants=variants,
    )
    try:
        TrialRegistry(home.trials).record([(trial, None)])
    except OSError as bad:
        say(f"the tried policies could not be recorded: {bad}")
