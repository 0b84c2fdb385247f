"""A small fund of sixteen companies with lists that change, a split, a recycled ticker, misprints and corrections."""

from __future__ import annotations

import pytest
from tests.factors.breadth.fund import Fund, filled

from bullbear.data import Store


@pytest.fixture(scope="session")
def fund(tmp_path_factory: pytest.TempPathFactory) -> Fund:
    return Fund.made()


@pytest.fixture(scope="session")
def fund_store(fund: Fund, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return filled(tmp_path_factory.mktemp("fund") / "data", fund)
