"""Tables of forecast distributions say what the evaluation holds."""

from __future__ import annotations

import io

import numpy as np
from rich.console import Console
from scipy.special import ndtri

from bullbear.cli.distribution_tables import distribution_tables
from bullbear.evaluate.distribution import evaluate_distribution


def test_every_score_is_shown_with_its_interval() -> None:
    random = np.random.default_rng(1)
    y, levels = random.standard_normal(300) / 20, np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    normal = np.tile(ndtri(levels) / 20, (300, 1))
    volatility = (np.exp(random.normal(size=300)), np.ones(300), np.full(300, 0.1))
    found = evaluate_distribution(y, normal, 2 * normal, levels, horizon=5, volatility=volatility, resamples=100)
    out = io.StringIO()
    console = Console(file=out, width=120)
    for table in distribution_tables(found, simulated=True):
        console.print(table)
    text = " ".join(out.getvalue().split())  # titles wrap
    assert "Distribution over 5 sessions, 300 days, 90% intervals (SIMULATED)" in text
    assert f"{found.crps_skill:+.1%} [{found.crps_skill_low:+.1%}, {found.crps_skill_high:+.1%}]" in text
    assert f"{found.quantiles[1].skill:+.1%}" in text
    assert "pinball, 95% quantile" in text
    assert found.volatility is not None
    assert f"{found.volatility.r2:+.2f}" in text
    assert f"{found.coverage[1].share:.1%} [{found.coverage[1].low:.1%}, {found.coverage[1].high:.1%}]" in text
    assert "5% and 25%" in text
    assert f"p {found.pit_p_value:.2f}, overlap allowed for" in text


def test_of_many_quantiles_five_are_shown() -> None:
    random = np.random.default_rng(2)
    y, levels = random.standard_normal(200), np.arange(1, 100) / 100
    normal = np.tile(ndtri(levels), (200, 1))
    found = evaluate_distribution(y, normal, normal, levels, horizon=1, resamples=50)
    out = io.StringIO()
    Console(file=out, width=120).print(*distribution_tables(found))
    assert [level for level in range(1, 100) if f"pinball, {level}% quantile" in out.getvalue()] == [5, 25, 50, 75, 95]
