"""The true probability of any question's event given each hidden state of the simulated market, by Monte Carlo.

The process is Markov, so the answer to a question about the coming sessions has one probability per state: 165 numbers
for each question and signal, whatever the seed. `up` has an exact one (`simulated_process.p_up`); the others are shares
of simulated paths, with their standard errors. Every path has an antithetic twin: the opposite shocks, and the
opposite quantiles of the next state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bullbear.data.simulated_process import (
    LEVERAGE,
    SHOCK_MEANS,
    SHOCK_WEIGHTS,
    TIDES,
    Floats,
    drifts,
    shock_widths,
    stationary,
    stream,
    tide_transitions,
    volatilities,
    volatility_transitions,
)
from bullbear.definitions import Question

PAIRS = 2000
"""Antithetic pairs of paths from a state, on average."""
SEED = 2107


@dataclass(frozen=True)
class StateProbabilities:
    """P(yes) given each state, and its standard error; both of shape (165,), by `Path.state`."""

    p: Floats
    error: Floats


def state_probabilities(
    questions: Sequence[Question], signal: float, *, pairs: int = PAIRS
) -> Mapping[str, StateProbabilities]:
    """The true probabilities of all `questions` about IWM, by name, from one set of paths.

    The paths of a state are the same for every list of questions with the same longest horizon.

    Parameters
    ----------
    pairs
        Antithetic pairs of paths, on average over the states: a state that is visited more often has more.
    """
    longest = max(question.horizon for question in questions)
    p = np.empty((len(questions), len(volatilities()) * TIDES))
    error = np.empty_like(p)
    for state, paths in enumerate(_paths(signal, longest, pairs)):
        half = len(paths) // 2
        for row, question in enumerate(questions):
            answers = question.answer(question.outcome(paths[:, : question.horizon + 1]))
            twins = (answers[:half] + answers[half:]) / 2.0
            p[row, state], error[row, state] = twins.mean(), twins.std(ddof=1) / np.sqrt(half)
    return {question.name: StateProbabilities(p[row], error[row]) for row, question in enumerate(questions)}


def _paths(signal: float, horizon: int, pairs: int) -> Iterator[Floats]:
    """Closes from each state in turn, the first being 1, shape (2 * m, horizon + 1); a twin is `m` rows on."""
    drift, sigma, widths = drifts(signal), volatilities(), shock_widths()
    turn = LEVERAGE * np.log(sigma[None, :] / sigma[:, None])
    vol_steps, tide_steps = _stacked(volatility_transitions().reshape(-1, len(sigma))), _stacked(tide_transitions())
    often = stationary()
    share = 0.5 / len(often) + 0.5 * often
    for state, count in enumerate(np.ceil(pairs * len(often) * share).astype(np.int64)):
        rng = stream(SEED, f"truth {state}")
        v, x = (np.full(2 * count, part) for part in divmod(state, TIDES))
        logs = np.zeros((horizon + 1, 2 * count))
        for step in range(1, horizon + 1):
            after = _next(vol_steps, x * len(sigma) + v, len(sigma), rng.random(count))
            wide = (rng.random(count) < SHOCK_WEIGHTS[1]).astype(np.int64)
            own = widths[wide] * rng.standard_normal(count)
            shock = np.concatenate([SHOCK_MEANS[wide] + own, SHOCK_MEANS[wide] - own])
            logs[step] = drift[v, x] + sigma[after] * (shock - turn[v, after])
            v, x = after, _next(tide_steps, x, TIDES, rng.random(count))
        yield np.exp(np.cumsum(logs, axis=0)).T


def _stacked(transitions: Floats) -> Floats:
    """Cumulative rows one above the other, the row's number added, so that one search serves every row."""
    total = transitions.cumsum(axis=1)
    total[:, -1] = 1.0  # not a rounding below
    return np.asarray((total + np.arange(len(total))[:, None]).ravel())


def _next(stacked: Floats, row: NDArray[np.int64], width: int, u: Floats) -> NDArray[np.int64]:
    """The next state by inversion, the second half of the rows at the opposite quantiles."""
    both = np.concatenate([u, np.nextafter(1.0, 0.0) - u])
    found = stacked.searchsorted(np.minimum(row + both, np.nextafter(row + 1.0, 0.0)), side="right")
    return np.asarray(found - row * width)
