"""Sector rotation: declared rules that hold a few of the sector funds, against all of them and against the market.

Nothing is chosen by its result. Every rule is shown on its own span with the same months of the comparisons, and what
does not differ from luck is said to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bullbear.data.companies.panel import Panel
from bullbear.definitions.picker import Ranker, Rotation
from bullbear.errors import Found, HistoryError
from bullbear.picking.cross_section import Array, BoolArray, CrossSection, Rows, decisions, group_growth, of_panel
from bullbear.picking.evidence import PER_YEAR, between, mean_interval, overlapping, sharpe_difference
from bullbear.picking.features import values
from bullbear.picking.information import Information, information
from bullbear.picking.labels import Labels, labels, require_labels
from bullbear.picking.portfolios import Portfolio, portfolio
from bullbear.picking.ranks import percentiles
from bullbear.picking.scoring import Rule, check_characteristics, in_force, past_scores, rank
from bullbear.picking.walk_forward import examples_of
from bullbear.statistics.bootstrap import Interval


@dataclass(frozen=True)
class RuleResult:
    """A rule on its own span; `equal` and `market` are held over the same months.

    `over_equal` and `over_market` are differences of Sharpe ratios, `active` the yearly return over `equal`.
    """

    rule: Rule
    first: str
    last: str
    information: Information
    held: Portfolio
    equal: Portfolio
    market: Portfolio
    over_equal: Interval
    over_market: Interval
    active: Interval

    @property
    def findings(self) -> tuple[str, ...]:
        """What an interval tells from zero."""
        named = {
            "information coefficient": self.information.mean,
            "Sharpe ratio over equal weights": self.over_equal,
            "Sharpe ratio over the market": self.over_market,
        }
        return tuple(name for name, each in named.items() if each.low > 0.0 or each.high < 0.0)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        ends = {
            name: {"estimate": each.estimate, "low": each.low, "high": each.high}
            for name, each in (
                ("sharpe_over_equal", self.over_equal),
                ("sharpe_over_market", self.over_market),
                ("active", self.active),
            )
        }
        return {
            "rule": self.rule.name,
            "kind": self.rule.kind,
            "why": self.rule.why,
            "first": self.first,
            "last": self.last,
            "information": self.information.as_dict(),
            "portfolio": self.held.as_dict(),
            "equal": self.equal.as_dict(),
            "market": self.market.as_dict(),
            **ends,
            "findings": list(self.findings),
        }


@dataclass(frozen=True)
class Evaluated:
    """All rules, and how many of their intervals exclude zero: `compared` is the number of intervals."""

    rules: tuple[RuleResult, ...]

    @property
    def compared(self) -> int:
        """Three intervals for each rule."""
        return 3 * len(self.rules)

    @property
    def found(self) -> int:
        """How many of them exclude zero."""
        return sum(len(each.findings) for each in self.rules)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "rules": [each.as_dict() for each in self.rules],
            "intervals": self.compared,
            "excluding_zero": self.found,
        }


@dataclass(frozen=True)
class Inputs:
    """What every rule reads: labels and percentiles of the decisions, and who had prices."""

    section: CrossSection
    labels: Labels
    ranked: Mapping[str, Array]
    member: BoolArray


def inputs(definition: Rotation, panel: Panel, decided: Rows) -> Inputs:
    """Of the sector funds; each belongs to the group from its first bar on."""
    check_characteristics(definition.rules)
    funds = panel.take(definition.funds)
    section = of_panel(funds)
    member = section.bars_so_far[decided] > 0
    names = tuple(dict.fromkeys(name for rule in definition.rules for name in rule.characteristics))
    found = values(funds, group_growth(section), panel.sessions[decided], names)
    ranked = dict(zip(names, np.moveaxis(percentiles(found, member), 2, 0), strict=True))
    return Inputs(section, labels(section, decided, definition.schedule.horizon, member), ranked, member)


def evaluate(
    definition: Rotation,
    panel: Panel,
    rates: Array | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluated:
    """Every rule over all decisions that it can score.

    Parameters
    ----------
    panel
        The sector funds and the benchmark.
    rates
        The bill yield known at each close, a fraction a year, (n_sessions,); None for 0.

    Raises
    ------
    HistoryError
        Too few decisions.
    """
    decided = decisions(panel.sessions, definition.schedule.rebalance)
    read, market = inputs(definition, panel, decided), of_panel(panel.take([definition.benchmark]))
    require_labels(read.labels, definition.schedule.least_decisions)
    results = []
    for done, rule in enumerate(definition.rules):
        scores = past_scores(
            rule, panel.sessions, read.ranked, read.labels, read.member, len(definition.funds), definition.schedule
        )
        results.append(_result(definition, rule, market, read, scores, rates))
        if progress:
            progress(done + 1, len(definition.rules))
    return Evaluated(tuple(results))


def _result(
    definition: Rotation, rule: Rule, benchmark: CrossSection, read: Inputs, scores: Array, rates: Array | None
) -> RuleResult:
    per_year = PER_YEAR[definition.schedule.rebalance]
    usable = np.flatnonzero(np.isfinite(scores).sum(axis=1) > definition.hold)
    if len(usable) < 3:
        raise HistoryError(
            f"rule {rule.name}", Found(f"{len(usable)} decisions with scores"), "at least 3", "bring a longer history"
        )
    span = slice(int(usable[0]), len(scores))
    decided, scores = read.labels.decided[span], scores[span]
    chosen = top(scores, definition.hold)
    bills, cost = between(rates, decided), definition.trading.cost_bp
    equal, _ = portfolio("equal weights", read.section, read.member[span], decided, cost, per_year, bills)
    held_all = np.ones((len(decided), 1), dtype=bool)
    market, _ = portfolio(definition.benchmark, benchmark, held_all, decided, cost, per_year, bills)
    held, _ = portfolio(rule.name, read.section, chosen, decided, cost, per_year, bills, equal.returns)
    overlap = overlapping(read.labels.decided, definition.schedule.horizon)
    active = mean_interval(held.returns - equal.returns, overlap)
    days = benchmark.sessions[decided]
    return RuleResult(
        rule=rule,
        first=str(days[0].date()),
        last=str(days[-1].date()),
        information=information(scores, read.labels.relative[span], per_year, overlap=overlap),
        held=held,
        equal=equal,
        market=market,
        over_equal=sharpe_difference(held.returns - bills, equal.returns - bills, per_year, overlap),
        over_market=sharpe_difference(held.returns - bills, market.returns - bills, per_year, overlap),
        active=Interval(*(end * per_year for end in (active.estimate, active.low, active.high))),
    )


def top(scores: Array, count: int) -> BoolArray:
    """The `count` highest scores of each decision, ties by the order of the assets; none where none has a score."""
    order = np.argsort(np.where(np.isfinite(scores), -scores, np.inf), axis=1, kind="stable")
    chosen = np.zeros(scores.shape, dtype=bool)
    np.put_along_axis(chosen, order[:, :count], True, axis=1)
    return np.asarray(chosen & np.isfinite(scores))


@dataclass(frozen=True)
class Ranking:
    """The funds of one rule from best to worst, with scores; the first `hold` are held."""

    rule: Rule
    funds: tuple[str, ...]
    scores: tuple[float, ...]


def today(definition: Rotation, panel: Panel) -> Sequence[Ranking]:
    """The ranking of every rule at the last close of `panel`.

    Raises
    ------
    HistoryError
        Too short a history for a rule.
    """
    last, schedule = len(panel.sessions) - 1, definition.schedule
    scheduled = decisions(panel.sessions, schedule.rebalance)
    read = inputs(definition, panel, np.concatenate([scheduled[scheduled < last], [last]]))
    found = []
    for rule in definition.rules:
        examples = None
        if isinstance(rule, Ranker):
            train = in_force(panel.sessions, scheduled, schedule).train
            past = {name: each[train] for name, each in read.ranked.items()}
            own = read.labels.of(train)
            examples = examples_of(rule, past, own, len(definition.funds), read.member[train])
        ranked = rank(rule, examples, {name: each[-1] for name, each in read.ranked.items()}, read.member[-1])
        order = ranked.order
        if not len(order):
            raise HistoryError(
                f"rule {rule.name}", Found(f"{last + 1} sessions"), "about a year of prices of the sector funds",
                "bring a longer history of prices",
            )  # fmt: skip
        names = tuple(read.section.assets[place] for place in order)
        found.append(Ranking(rule, names, tuple(float(ranked.scores[place]) for place in order)))
    return found
