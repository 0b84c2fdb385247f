"""The true probabilities of a simulated market, kept outside the store, where no factor, label or learner reads."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pandas as pd

from bullbear.data import simulated_process, simulated_truth
from bullbear.data.simulated_truth import PAIRS, SEED, state_probabilities
from bullbear.definitions import UP, Question, digest
from bullbear.errors import NoDataError
from bullbear.files import remove_staged, write_whole


def write_truth(truth: pd.DataFrame, home: Path) -> Path:
    """Write the truth under `home/oracle`, without what was kept for another; the caller holds the store's lock."""
    place = _place(home)
    remove_staged(place.parent)
    for kept in place.parent.glob("states-*.parquet"):
        kept.unlink()
    return _write(truth, place)


def read_truth(home: Path) -> pd.DataFrame:
    """The truth of the simulated market in `home`: `decided` (session), `p_up`, `state` and the market's `signal`.

    NoDataError if this home has no simulated market, or one of an earlier version.
    """
    place = _place(home)
    remedy = "run `bullbear simulate` first"
    if not place.exists():
        raise NoDataError("truth", str(place), "the home of a simulated market", remedy)
    truth = pd.read_parquet(place)
    if "state" not in truth:
        raise NoDataError("truth", f"{place} of an earlier version", "the hidden state of every session", remedy)
    return truth


def true_probabilities(home: Path, question: Question, *, others: Iterable[Question] = ()) -> pd.DataFrame:
    """The true answer to a question about IWM at every close: `decided` (session), `p` and its standard `error`.

    `up` has its prescribed probability and no error. Others are simulated once and kept in `home/oracle`.

    Parameters
    ----------
    others
        Questions to simulate on the same paths, and keep, if this one has to be.

    NoDataError as `read_truth`.
    """
    truth = read_truth(home)
    if key(question) == key(UP):
        return pd.DataFrame({"decided": truth["decided"], "p": truth["p_up"], "error": 0.0})
    signal = float(truth["signal"].iloc[0])
    place = _states(home, question, signal)
    if not place.exists():
        asked = {_states(home, each, signal): each for each in (*others, question) if each.horizon == question.horizon}
        fresh = [each.model_copy(update={"name": f"q{row}"}) for row, each in enumerate(asked.values())]
        found = state_probabilities(fresh, signal)
        for each, path in zip(fresh, asked, strict=True):
            _write(pd.DataFrame({"p": found[each.name].p, "error": found[each.name].error}), path)
    by_state = pd.read_parquet(place).iloc[truth["state"].to_numpy()].reset_index(drop=True)
    return pd.concat([truth[["decided"]], by_state], axis=1)


def key(question: Question) -> dict[str, object]:
    """All of a question but the words."""
    return question.model_dump(exclude={"name", "sentence"})


def _write(table: pd.DataFrame, place: Path) -> Path:
    content = io.BytesIO()
    table.to_parquet(content, index=False)
    write_whole(place, content.getbuffer())
    return place


def _states(home: Path, question: Question, signal: float) -> Path:
    asked = {**key(question), "signal": signal, "pairs": PAIRS, "seed": SEED, "process": _process()}
    return _place(home).parent / f"states-{digest(asked)[:16]}.parquet"


@cache
def _process() -> str:
    """A digest of the code that says how the market moves: other code has other probabilities."""
    seal = hashlib.sha256()
    for module in (simulated_process, simulated_truth):
        seal.update(Path(str(module.__file__)).read_bytes())
    return seal.hexdigest()


def _place(home: Path) -> Path:
    return Path(home) / "oracle" / "truth.parquet"
