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
from bullbear.definitions.picker import Rotation
from bullbear.errors import HistoryError
from bullbear.picking.cross_section import Array, BoolArray, CrossSection, Rows, decisions, of_panel
from bullbear.picking.evidence import PER_YEAR, mean_interval, sharpe_difference
from bullbear.picking.features import values
from bullbear.picking.information import Information, information
from bullbear.picking.labels import Labels, labels, require_labels
from bullbear.picking.percentiles import group_growth, percentiles
from bullbear.picking.portfolios import Portfolio, portfolio
from bullbear.picking.scoring import Rule, check_characteristics, latest_scores, past_scores
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
    ranked = {name: percentiles(found[:, :, place], member) for place, name in enumerate(names)}
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
            f"rule {rule.name}", f"{len(usable)} decisions with scores", "at least 3", "bring a longer history"
        )
    span = slice(int(usable[0]), len(scores))
    decided, scores = read.labels.decided[span], scores[span]
    chosen = top(scores, definition.hold)
    bills = np.zeros(len(decided) - 1)
    if rates is not None:
        growth = np.concatenate([[0.0], np.cumsum(rates / 252.0)])
        bills = np.diff(growth[decided])
    cost = definition.trading.cost_bp
    equal, _ = portfolio("equal weights", read.section, read.member[span], decided, cost, per_year, bills)
    held_all = np.ones((len(decided), 1), dtype=bool)
    market, _ = portfolio(definition.benchmark, benchmark, held_all, decided, cost, per_year, bills)
    held, _ = portfolio(rule.name, read.section, chosen, decided, cost, per_year, bills, equal.returns)
    active = mean_interval(held.returns - equal.returns)
    days = benchmark.sessions[decided]
    return RuleResult(
        rule=rule,
        first=str(days[0].date()),
        last=str(days[-1].date()),
        information=information(scores, read.labels.relative[span], per_year),
        held=held,
        equal=equal,
        market=market,
        over_equal=sharpe_difference(held.returns - bills, equal.returns - bills, per_year),
        over_market=sharpe_difference(held.returns - bills, market.returns - bills, per_year),
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
    last = len(panel.sessions) - 1
    past = decisions(panel.sessions, definition.schedule.rebalance)
    decided = np.concatenate([past[past < last], [last]])
    read = inputs(definition, panel, decided)
    found = []
    for rule in definition.rules:
        latest = latest_scores(
            rule, read.ranked, read.labels, read.member, len(read.section.assets), definition.schedule
        )
        scored = np.flatnonzero(np.isfinite(latest.scores))
        if not len(scored):
            raise HistoryError(
                f"rule {rule.name}", f"{last + 1} sessions", "about a year of prices of the sector funds",
                "bring a longer history of prices",
            )  # fmt: skip
        order = scored[np.argsort(-latest.scores[scored], kind="stable")]
        names = tuple(read.section.assets[place] for place in order)
        found.append(Ranking(rule, names, tuple(float(latest.scores[place]) for place in order)))
    return found
