"""The share of the oracle's skill that a model has, over many simulated markets.

    python -m benchmarks.simulated_seeds MODEL [--seeds 20] [--signals 1 0.5 0.25 0] [--years 20] [--question NAME]
        [--record FILE]

One market says little: its span holds fewer than two hundred and fifty independent months. The table has a row for each
question and, calibrated on its own past, each member of a mixture, and a column for each strength of the signal: the
median, lowest and highest share of the oracle's expected gain over the seeds. Without a signal the oracle gains nothing
but the error of the base rate, so that column is the expected Brier skill, which owes as little to luck as the shares.

`--record` keeps each finished market as a line of JSON, and a later run with the same file continues from there. A seed
is done at all strengths before the next one.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd

from bullbear.data.oracle import true_probabilities
from bullbear.dataset import build_all
from bullbear.dataset.predictions import Predictions
from bullbear.definitions import Question
from bullbear.home import Home
from bullbear.learn import train_all
from bullbear.sessions import days
from bullbear.workflows.comparison import oracle_share
from bullbear.workflows.filling import fill_simulated

Found = dict[str, dict[str, float]]
"""By question, or question and member: share of the oracle's gain, expected and realised Brier skill, the oracle's."""


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
            possible = _possible(home, target.question, predictions)
            said = {target.question.name: predictions}
            for column in training.signals.filter(regex=r"^p_").columns:
                p = training.signals[column].reindex(predictions.table["decided_at"]).to_numpy()
                member = f"{target.question.name} {column.removeprefix('p_')}"
                said[member] = Predictions(predictions.table.assign(p=p, p_low=p, p_high=p))
            for title, of_target in said.items():
                run = SimpleNamespace(bundle=bundle, simulated=True, of_target=of_target, horizon=target.horizon)
                share = oracle_share(home, cast(Any, run), resamples=2)  # no interval is shown
                assert share is not None
                found[title] = {
                    "share": share.share,
                    "expected_bss": share.share * possible,
                    "bss": share.bss,
                    "oracle_bss": share.oracle_bss,
                }
        return found


def _possible(home: Home, question: Question, predictions: Predictions) -> float:
    """The Brier skill that the true probabilities are expected to have."""
    rows = predictions.table[predictions.table["y"].notna()]
    truth = true_probabilities(home.root, question, others=home.questions().values()).set_index("decided")
    q = truth["p"].reindex(days(pd.DatetimeIndex(rows["decided_at"]))).to_numpy()
    base = rows["climatology"].to_numpy()
    return float(np.mean((base - q) ** 2) / np.mean((base - rows["y"].to_numpy()) ** 2))


def table(by_signal: Mapping[float, Sequence[Found]]) -> str:
    """Markdown: the rows are questions and members, the columns strengths of the signal."""
    titles = [f"signal {signal:g}" if signal else "signal 0, expected Brier skill" for signal in by_signal]
    rows = [f"| forecast | {' | '.join(titles)} |", f"| --- |{' --- |' * len(titles)}"]
    first = next(iter(by_signal.values()))[0]
    for title in first:
        cells = [
            _cell([each[title]["share" if signal else "expected_bss"] for each in of], signal)
            for signal, of in by_signal.items()
        ]
        rows.append(f"| {title} | {' | '.join(cells)} |")
    skill = [_cell([next(iter(each.values()))["oracle_bss"] for each in of], 0.0) for of in by_signal.values()]
    return "\n".join([*rows, f"| the oracle's own Brier skill | {' | '.join(skill)} |"])


def _cell(values: Sequence[float], signal: float) -> str:
    """Median [lowest, highest], in per cent."""
    digits = 0 if signal else 2
    middle, low, high = (f"{100.0 * float(f(values)):+.{digits}f}" for f in (np.median, np.min, np.max))
    return f"{middle} [{low}, {high}]"


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
    by_signal = {
        signal: [done[seed, signal] for seed in range(asked.first, asked.seeds + 1) if (seed, signal) in done]
        for signal in asked.signals
    }
    print(f"{asked.model}: markets of {asked.years} years, seeds {asked.first} to {asked.seeds}; per cent\n")
    print(table(by_signal))


if __name__ == "__main__":
    main()
