"""The comparison that is kept with a training: its scores among those of all models tried on its questions so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from bullbear.evaluate import Evaluation, PathScores
from bullbear.evaluate.scored_model import ScoredModel
from bullbear.home import Home

if TYPE_CHECKING:
    from bullbear.tracking import Run, Runs

PAGE = "comparison.html"


def page_of_training(
    home: Home,
    model: str,
    found: Mapping[str, Evaluation | PathScores],
    trials: Mapping[str, int | None],
    *,
    simulated: bool,
) -> str:
    """The page of a training that is not logged yet, beside what the store holds; alone if that cannot be read.

    Parameters
    ----------
    trials
        How many chose the parameters of each question, None where they are those of the file.
    """
    from bullbear.report.compared_models import comparison_page
    from bullbear.tracking import Runs

    others = Runs(home).scored(list(found), simulated=simulated)
    return comparison_page(
        {
            question: [_scored(model, scores, trials[question]), *others.get(question, ())]
            for question, scores in found.items()
        },
        simulated=simulated,
    )


def page_of_run(runs: Runs, run: Run) -> str | None:
    """The page of a logged run with the verdicts as they are now; None if its scores cannot be read."""
    from bullbear.report.compared_models import comparison_page

    rows = runs.scored([run.question], simulated=run.simulated, about=run.run_id).get(run.question, [])
    if not any(row.is_this for row in rows):
        return None
    return comparison_page({run.question: rows}, simulated=run.simulated)


def _scored(model: str, found: Evaluation | PathScores, trials: int | None) -> ScoredModel:
    if isinstance(found, PathScores):
        skills = ScoredModel(model, "", found.bss_mean, None, None, found.log_loss_skill_mean)
    else:
        skills = ScoredModel(model, "", found.bss, found.bss_low, found.bss_high, found.log_loss_skill)
    return replace(skills, trials=trials, is_this=True)
