"""The share of the oracle's skill that a model has, over many simulated markets.

    python -m benchmarks.simulated_seeds MODEL [--seeds 20] [--signals 1 0.5 0.25 0] [--years 20] [--question NAME]
        [--record FILE]

One market says little: its span holds fewer than two hundred independent months. A row of a table is a question at a
strength of the signal: the median, lowest and highest share over the seeds of the oracle's expected gain, and the
realised Brier skill beside the oracle's. The members of a mixture, each calibrated on its own past, follow by name.

`--record` keeps each finished market as a line of JSON, and a later run with the same file continues from there: the
seeds of all signals are done in turn, so that what has been finished at any time is one table with fewer seeds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from bullbear.dataset import build_all
from bullbear.dataset.predictions import Predictions
from bullbear.home import Home
from bullbear.learn import train_all
from bullbear.workflows.comparison import oracle_share
from bullbear.workflows.filling import fill_simulated

Found = dict[str, dict[str, float]]
"""By question, or question and member: `share`, `bss` and `oracle_bss`."""


def shares(name: str, seed: int, signal: float, years: int, question: str | None) -> Found:
    """Those of a market that is made for this and deleted again."""
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
                found[title] = {field: float(getattr(share, field)) for field in ("share", "bss", "oracle_bss")}
        return found


def table(signal: float, found: Sequence[Found]) -> str:
    """A row for each question and member, as Markdown."""
    rows = [
        f"Signal {signal:g}, {len(found)} seeds, medians:\n",
        "| forecast | share of the oracle's gain | lowest | highest | Brier skill | lowest | oracle's |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for title in found[0]:
        share, skill, oracle = (
            np.array([each[title][field] for each in found]) for field in ("share", "bss", "oracle_bss")
        )
        rows.append(
            f"| {title} | {np.median(share):.0%} | {share.min():.0%} | {share.max():.0%}"
            f" | {np.median(skill):+.2%} | {skill.min():+.2%} | {np.median(oracle):+.2%} |"
        )
    return "\n".join(rows)


def main() -> None:
    ask = argparse.ArgumentParser(prog="python -m benchmarks.simulated_seeds", description=__doc__.split("\n")[0])
    ask.add_argument("model")
    ask.add_argument("--seeds", type=int, default=20, help="seeds up to this")
    ask.add_argument("--first", type=int, default=1, help="the first seed")
    ask.add_argument("--signals", type=float, nargs="+", default=[1.0, 0.5, 0.25, 0.0])
    ask.add_argument("--years", type=int, default=20)
    ask.add_argument("--question")
    ask.add_argument("--record", type=Path, help="a file that keeps finished markets, one a line")
    asked = ask.parse_args()
    done: dict[tuple[int, float], Found] = {}
    if asked.record is not None and asked.record.exists():
        for line in map(json.loads, asked.record.read_text().splitlines()):
            done[line["seed"], line["signal"]] = line["found"]
    wanted = [(seed, signal) for seed in range(asked.first, asked.seeds + 1) for signal in asked.signals]
    for number, (seed, signal) in enumerate(wanted, start=1):
        if (seed, signal) in done:
            continue
        began = time.monotonic()
        found = done[seed, signal] = shares(asked.model, seed, signal, asked.years, asked.question)
        if asked.record is not None:
            with asked.record.open("a") as kept:
                kept.write(json.dumps({"seed": seed, "signal": signal, "found": found}) + "\n")
        title, first = next(iter(found.items()))
        print(
            f"{number} of {len(wanted)}: seed {seed}, signal {signal:g}: {title} {first['share']:.0%} of the oracle's"
            f" {first['oracle_bss']:+.2%}, {time.monotonic() - began:.0f} s",
            file=sys.stderr,
            flush=True,
        )
    print(f"{asked.model}: markets of {asked.years} years, seeds {asked.first} to {asked.seeds}\n")
    for signal in asked.signals:
        print(table(signal, [found for (_, of), found in done.items() if of == signal]) + "\n", flush=True)


if __name__ == "__main__":
    main()
