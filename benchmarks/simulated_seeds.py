"""The share of the oracle's skill that a model has, over many simulated markets.

    python -m benchmarks.simulated_seeds MODEL [--seeds 20] [--signals 1 0.5 0] [--years 14] [--question NAME]

One market says little: its span holds fewer than two hundred independent months. Each line is a question at a strength
of the signal: the median, lowest and highest share over the seeds, and the realised Brier skill beside the oracle's.
The members of a mixture, each calibrated on its own past, follow by name.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from bullbear.dataset import build_all
from bullbear.dataset.predictions import Predictions
from bullbear.evaluate import OracleShare
from bullbear.home import Home
from bullbear.learn import train_all
from bullbear.workflows.comparison import oracle_share
from bullbear.workflows.filling import fill_simulated


def shares(name: str, seed: int, signal: float, years: int, question: str | None) -> dict[str, OracleShare]:
    """By question, of a market that is made for this and deleted again."""
    with tempfile.TemporaryDirectory() as place:
        home = Home(Path(place))
        fill_simulated(home, seed, signal, years)
        model = home.model(name)
        if question is not None:
            model = model.only(question)
        targets = model.definition.targets
        examples = build_all(home.store().as_of(), model.feature_sets, targets)
        trainings = train_all(model.definition, model.feature_sets, examples)
        found = {}
        for target, training in zip(targets, trainings, strict=True):
            predictions = training.predictions.select(asset=target.ticker)
            bundle = SimpleNamespace(
                definition=model.only(target.question.name).definition,
                is_walk_forward=True,
                question=target.question.name,
            )
            said = {target.question.name: predictions}
            for column in training.signals.filter(regex=r"^p_").columns:
                p = training.signals[column].reindex(predictions.table["decided_at"]).to_numpy()
                member = f"{target.question.name} {column.removeprefix('p_')}"
                said[member] = Predictions(predictions.table.assign(p=p, p_low=p, p_high=p))
            for title, of_target in said.items():
                run = SimpleNamespace(bundle=bundle, simulated=True, of_target=of_target, horizon=target.horizon)
                share = oracle_share(home, cast(Any, run))
                assert share is not None
                found[title] = share
        return found


def main() -> None:
    ask = argparse.ArgumentParser(prog="python -m benchmarks.simulated_seeds", description=__doc__.split("\n")[0])
    ask.add_argument("model")
    ask.add_argument("--seeds", type=int, default=20, help="seeds 1 to this")
    ask.add_argument("--first", type=int, default=1, help="the first seed")
    ask.add_argument("--signals", type=float, nargs="+", default=[1.0, 0.5, 0.0])
    ask.add_argument("--years", type=int, default=14)
    ask.add_argument("--question")
    asked = ask.parse_args()
    print(
        f"{asked.model}: seeds {asked.first} to {asked.seeds}, {asked.years} years; share of the oracle's expected gain"
    )
    print(f"signal  {'question':24}  median    low   high   skill median (low)   oracle's", flush=True)
    for signal in asked.signals:
        seeds = range(asked.first, asked.seeds + 1)
        found = [shares(asked.model, seed, signal, asked.years, asked.question) for seed in seeds]
        for question in found[0]:
            of = [each[question] for each in found]
            share, skill, oracle = (
                np.array([getattr(each, field) for each in of]) for field in ("share", "bss", "oracle_bss")
            )
            print(
                f"{signal:6g}  {question:24}  {np.median(share):6.0%} {share.min():6.0%} {share.max():6.0%}"
                f"   {np.median(skill):+8.2%} ({skill.min():+.2%})   {np.median(oracle):+8.2%}",
                flush=True,
            )
        loss = [each[next(iter(each))].bss for each in found]
        print(f"{signal:6g}  {len(found)} seeds: skill {', '.join(f'{value:+.2%}' for value in loss)}", flush=True)


if __name__ == "__main__":
    main()
