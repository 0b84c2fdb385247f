"""The calibrators on the same raw signals of a model, over many simulated markets.

    python -m benchmarks.calibrators [MODEL] [--seeds 6] [--signals 1 0] [--years 14]

The members of a model are fitted once for each market; its signals are then calibrated by each kind in turn, each fold
on what had resolved at its fit. Each line is a kind at a strength of the signal: the median and the lowest Brier and
log-loss skill over the seeds, and the median absolute move from the base rate.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bullbear.dataset import build
from bullbear.evaluate.scores import brier_skill, log_loss_skill
from bullbear.home import Home
from bullbear.learn.fitting import fit_step, prepared
from bullbear.learn.walk_forward import folds_of, walked
from bullbear.workflows.filling import fill_simulated

KINDS: Mapping[str, Mapping[str, Any]] = {
    "shrinkage": {"kind": "shrinkage"},
    "platt": {"kind": "platt"},
    "beta": {"kind": "beta"},
    "isotonic": {"kind": "isotonic"},
    "venn_abers": {"kind": "venn_abers"},
    "chosen": {"kind": "chosen"},
}
"""Each with its defaults."""


def skills(name: str, seed: int, signal: float, years: int) -> dict[str, tuple[float, float, float]]:
    """Brier skill, log-loss skill and mean absolute move of each calibrator on one market."""
    with tempfile.TemporaryDirectory() as place:
        home = Home(Path(place))
        fill_simulated(home, seed, signal, years)
        model = home.model(name)
        examples = build(home.store().as_of(), model.feature_sets, model.definition.target)
        folds = folds_of(model.definition, examples)
        task = prepared(model.definition, model.feature_sets, [examples])
        fits = [fit_step(task, (fold,))[0] for fold in folds]
        found = {}
        for kind, table in KINDS.items():
            one = model.definition.model_copy(update={"calibration": dict(table)})
            said = walked(one, task, 0, examples, folds, fits, None).predictions.resolved().table
            y, p, par = (said[column].to_numpy() for column in ("y", "p", "climatology"))
            found[kind] = brier_skill(y, p, par), log_loss_skill(y, p, par), float(np.abs(p - par).mean())
        return found


def main() -> None:
    ask = argparse.ArgumentParser(prog="python -m benchmarks.calibrators", description=__doc__.split("\n")[0])
    ask.add_argument("model", nargs="?", default="logistic")
    ask.add_argument("--seeds", type=int, default=6, help="seeds 1 to this")
    ask.add_argument("--signals", type=float, nargs="+", default=[1.0, 0.0])
    ask.add_argument("--years", type=int, default=14)
    asked = ask.parse_args()
    print(f"{asked.model}: seeds 1 to {asked.seeds}, {asked.years} years")
    print("signal  calibrator   Brier skill  (lowest)  log-loss skill  (lowest)  mean move", flush=True)
    for signal in asked.signals:
        found = [skills(asked.model, seed, signal, asked.years) for seed in range(1, asked.seeds + 1)]
        for kind in KINDS:
            brier, log_loss, move = np.array([each[kind] for each in found]).T
            print(
                f"{signal:6g}  {kind:11}  {np.median(brier):+11.2%} {brier.min():+9.2%}  {np.median(log_loss):+14.2%} "
                f"{log_loss.min():+9.2%}  {np.median(move):9.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
