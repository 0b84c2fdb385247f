"""The mixture: a weighted mean of probabilities, with weights by Bayes' rule and a bound on what they can cost.

    p = w_0 c + sum_m w_m p_m,    w_m >= 0,    w_0 = 1 - sum_m w_m

with `c` the climatology and `p_m` the probability of a member that is calibrated on its own past. The loss is the log
loss. Labels resolve 21 sessions late and a fit serves a month, so that no forecast knows how the last ones did. With
such delays weights from all that has resolved can be led astray for ever: losses are not bounded, and while the
answer to a loss is on its way, the next is suffered. So the folds take turns. Of the folds with one turn all labels
are due before the next begins (`pool.turns`), and each turn has weights of its own,

    v_m ~ prior_m * exp(-(1 / B) * sum of m's daily losses in earlier folds of this turn),

with `B` the most sessions that a fit serves. For every sequence of outcomes, and every member m, after C turns

    sum of the mixture's daily losses <= sum of m's daily losses + C B ln(1 / prior_m).

Proof, for one turn: over a fold of n <= B sessions with weights v, Hoelder's inequality gives

    -B ln sum_m v_m prod_t p_mt^(1/B) >= -sum_t ln sum_m v_m p_mt,

and the left sides sum to -B ln sum_m prior_m exp(-L_m / B) <= L_m + B ln(1 / prior_m). This is the interleaving of
Weinberger and Ordentlich, by fold instead of by day: C B sessions are at most three months, and 15 overlapping days are
worth one independent label, so the cost is some three to four labels' worth of ln(1 / prior_m). A label that a late bar
resolves after the next fold of its turn has begun counts from the fold after that, and is outside the bound until then.

A turn sees every second month only. Therefore one of those that it weighs is the *record*: the mixture whose weights
are those of Bayes' rule on all that had resolved, counted in independent labels. It has no bound of its own, and needs
none: against it, too, the turns lose no more than C B ln(1 / prior).

The record's prior is `record`. Of the rest, and of what the record begins with, the base rate has the share
`base_rate`, and the members the others, all alike. So before anything has resolved the base rate's weight is
`base_rate`, and the mixture loses to it at most C B ln(1 / (base_rate (1 - record))) in log loss, on any data.

A prior is paid for once, in evidence, but an expert on direction gains a few hundredths of log loss with each
independent label: among a dozen equals the best one would lead after decades. Where the members are `ordered` by trust,
the first best, the k-th has a prior in proportion to 1 / (k (k + 1)): half, a sixth, a twelfth, so that a long list
costs its beginning nothing (a universal prior, Rissanen 1983).

References
----------
Weinberger and Ordentlich (2002), On delayed prediction of individual sequences, doi:10.1109/TIT.2002.1013136
(interleaving); Vovk (1990), Aggregating strategies, and Cesa-Bianchi and Lugosi (2006), Prediction, Learning, and
Games, doi:10.1017/CBO9780511546921, ch. 3 (mixtures under log loss). Rissanen (1983), A universal prior for integers
and estimation by minimum description length, doi:10.1214/aos/1176346150.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from bullbear.learn.pool import POOLS, PastProbabilities, Pool
from bullbear.statistics import rows_per_label

FLOOR = 1e-6
"""Probabilities are scored within [FLOOR, 1 - FLOOR]."""


@POOLS.register
class Mixture(Pool):
    """`[pool] kind = "mixture"`; `base_rate` and `record` are prior weights, see the module."""

    mixes: ClassVar[bool] = True

    kind: Literal["mixture"]
    base_rate: float = Field(default=0.25, gt=0, lt=1)
    record: float = Field(default=0.6, ge=0, lt=1)
    ordered: bool = False
    """Whether the members stand in order of trust."""

    def prior(self, n_members: int) -> np.ndarray:
        """The prior weights of the base rate, the members and the record, in this order; shape (n_members + 2,)."""
        place = np.arange(1, n_members + 1)
        raw = 1.0 / (place * (place + 1.0)) if self.ordered else np.ones(n_members)
        own = np.append(self.base_rate, (1.0 - self.base_rate) * raw / raw.sum())
        return np.append((1.0 - self.record) * own, self.record)

    def mixture_weights(self, past: PastProbabilities) -> np.ndarray:
        """The members' weights in the next fold, those that they have through the record included."""
        losses = daily_losses(past)
        prior = self.prior(past.p.shape[1])
        own = prior[:-1] / np.sum(prior[:-1])
        rate = 1.0 / rows_per_label(past.horizon)
        # Rows resolve in order: what had resolved when a fold was fitted are the first of all rows.
        total = np.concatenate([np.zeros((1, len(own))), np.cumsum(losses, axis=0)])
        record = posterior(own, rate * total)
        followed = np.sum(record[past.seen] * np.exp(-losses), axis=1)
        turn = np.column_stack([losses, -np.log(followed)])[past.same_turn]
        weights = posterior(prior, np.sum(turn, axis=0)[None, :] / past.longest)[0]
        found = weights[:-1] + weights[-1] * record[-1]
        return np.asarray(found[1:] / np.sum(found))


def daily_losses(past: PastProbabilities) -> np.ndarray:
    """The log loss of the base rate and of each member on each row; shape (n, 1 + n_members)."""
    p = np.clip(np.column_stack([past.climatology, past.p]), FLOOR, 1 - FLOOR)
    return np.asarray(-np.log(np.where(past.y[:, None] > 0.5, p, 1.0 - p)))


def posterior(prior: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Rows of weights in proportion to `prior * exp(-losses)`; shape of `losses`, (n, k)."""
    with np.errstate(divide="ignore"):  # a prior of 0 stays 0
        logs = np.log(prior) - losses
    raised = np.exp(logs - np.max(logs, axis=1, keepdims=True))
    return np.asarray(raised / np.sum(raised, axis=1, keepdims=True))
