"""Training the shipped outlook for all its questions against training it for one: the fits are shared."""

from __future__ import annotations

import time
from collections.abc import Sequence

from benchmarks.market import home
from benchmarks.ratio import Ratio
from bullbear.dataset import Examples, build_all
from bullbear.learn import train_all
from bullbear.model import Model


def measure() -> list[Ratio]:
    model = home().model("outlook")
    examples = build_all(home().store().as_of(), model.feature_sets, model.definition.targets)
    first = model.definition.questions[0].name
    one = _seconds(model.only(first), examples[:1])
    name = f"training outlook for {len(examples)} questions / for {first} alone"
    return [Ratio(name, _seconds(model, examples), one, 2)]


def _seconds(model: Model, examples: Sequence[Examples]) -> float:
    began = time.perf_counter()
    train_all(model.definition, model.feature_sets, examples)
    return time.perf_counter() - began
