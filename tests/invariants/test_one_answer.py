"""One answer whoever is asked: the command, the backtest, the served model and a replay of the ledger, bit by bit."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset import build
from bullbear.decide import Backtest, Book
from bullbear.forecasting.bundle import Bundle, read_bundle
from bullbear.forecasting.champions import others_of
from bullbear.forecasting.forecast import replay
from bullbear.forecasting.ledger import Ledger, of_question
from bullbear.home import Home
from bullbear.tracking import Run, Runs
from bullbear.workflows.backtesting import backtest_run

COLUMNS = ["p", "p_low", "p_high"]
FEW = 4
MANY = 100


def chosen(bundle: Bundle, count: int) -> list[str]:
    """Random out-of-sample days of the champion, the first and the last among them."""
    days = pd.DatetimeIndex(bundle.predictions.table["decided_at"]).strftime("%Y-%m-%d")
    places = np.random.default_rng(20261127).choice(np.arange(1, len(days) - 1), count - 2, replace=False)
    return [str(day) for day in days[[0, *sorted(places), -1]]]


def served(bundle: Bundle, session: pd.Timestamp, row: pd.DataFrame, folder: Path) -> list[float]:
    """What the model as MLflow serves it says of a session's row: the model that was the newest on that day."""
    from bullbear.tracking.served_model import ServedModel

    path = folder / f"{session:%Y%m%d}.json"
    path.write_text(json.dumps(bundle.model_for(session).state()))
    model = ServedModel()
    model.load_context(SimpleNamespace(artifacts={"model": str(path)}))
    answer = model.predict(None, row)
    return [float(answer[name].iloc[0]) for name in COLUMNS]


def rows_of(home: Home, run: Run) -> pd.DataFrame:
    """The served model's input on every session."""
    model = home.model(run.model)
    examples = build(home.store().as_of(), model.feature_sets, model.definition.target)
    return examples.X.assign(climatology=examples.climatology, n_resolved=examples.n_resolved.astype(float))


def disagreements(
    home: Home, forecast: Callable[[str], dict[str, Any]], days: Sequence[str], folder: Path
) -> tuple[list[str], list[float]]:
    """What differs on some days, in words, and the probabilities that were compared.

    `forecast` is the command `forecast --as-of DAY --json`.
    """
    run, bundle, store = Runs(home).find("champion"), read_bundle(home.champion), home.store()
    tested: Backtest = backtest_run(home, run)
    places = {state.decided_at: place for place, state in enumerate(tested.states)}
    reported = bundle.predictions.table.set_index("decided_at")
    inputs, others, wrong, compared = rows_of(home, run), others_of(home, bundle), list[str](), list[float]()

    def same(day: str, what: str, ours: Any, theirs: Any) -> None:
        if ours != theirs:
            wrong.append(f"{day} {what}: {ours} and {theirs}")

    for day in days:
        said = forecast(day)
        close = pd.Timestamp(said["decided_at"])
        session, place = pd.Timestamp(day).as_unit("us"), places[close]
        numbers = [said["p_up"], said["p_low"], said["p_high"]]
        same(day, "backtest's forecasts", numbers, reported.loc[close, COLUMNS].tolist())
        same(day, "backtest's base rate", said["climatology"], reported.loc[close, "climatology"])
        same(day, "backtest's positions", said["positions"], dict(tested.stances[place].positions))
        same(day, "backtest's account", Book.from_json(said["account"]["book"]), tested.books[place])
        same(day, "served model", numbers, served(bundle, session, inputs.loc[[session]], folder))
        again = replay(store, bundle, day, others=others)
        (entry,) = [
            each
            for each in of_question(Ledger(home.forecasts / "ledger.jsonl").entries())
            if each["ledger"] == said["ledger"]
        ]
        for name, value in again.items():
            if name == "data":  # the entry also says when what it read had been stored
                value = entry["data"] | value
            same(day, f"ledger's {name}", entry[name], value)
            same(day, f"command's {name}", said[name], value)
        compared.append(said["p_up"])
    return wrong, compared


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_command_backtest_served_model_and_ledger_give_the_same_bits(
    home: Home, bullbear: Callable[..., Any], tmp_path: Path, count: int
) -> None:
    days = chosen(read_bundle(home.champion), count)
    wrong, compared = disagreements(
        home, lambda day: bullbear("forecast", "--home", home.root, "--as-of", day, "--json").json, days, tmp_path
    )
    assert not wrong
    assert len(set(compared)) == len(days) == count  # had they all said the same, nothing would have been compared
