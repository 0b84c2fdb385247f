"""A small simulated index, drawn once; and the returns of a wider one, without bars and facts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from bullbear.data.companies.simulated.generator import Block
from bullbear.data.companies.simulated.lives import Lives, lives_of
from bullbear.data.companies.simulated.market import Market, market_of
from bullbear.data.companies.simulated.returns import Returns, forward, returns_of
from bullbear.data.companies.simulated.traits import Traits, traits_of
from bullbear.data.simulated_process import draw
from bullbear.data.simulator import Simulation, simulate
from bullbear.sessions import between


@dataclass(frozen=True)
class Drawn:
    """One block of 100 places."""

    market: Market
    lives: Lives
    traits: Traits
    returns: Returns

    @property
    def realised(self) -> np.ndarray:
        return forward(self.returns.total, self.lives, self.market.returns)


@cache
def drawn(seed: int, signal: float, number: int, years: int) -> Drawn:
    sessions = between("2000-01-03", f"{1999 + years}-12-31")
    market = market_of(draw(seed, signal, len(sessions)), sessions, seed, signal)
    lives = lives_of(market, number, 100)
    traits = traits_of(market, lives, number)
    return Drawn(market, lives, traits, returns_of(market, lives, traits, number))


@pytest.fixture(scope="session")
def block_of() -> Callable[[int, float, int, int], Drawn]:
    """By seed, signal, number of the block, and years."""
    return drawn


@pytest.fixture(scope="session")
def simulation() -> Simulation:
    return simulate(seed=4, signal=1.0, years=4, companies=30)


@pytest.fixture(scope="session")
def block(simulation: Simulation) -> Block:
    assert simulation.companies is not None
    return next(simulation.companies.blocks())
