"""The replay of the small exchange, one server for all tests of companies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.data.companies.exchange import Handler, World, serving, settings_for, twelve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bullbear.settings import Settings


@pytest.fixture(scope="session")
def _exchange() -> Iterator[tuple[type[Handler], str]]:
    with serving() as bound:
        yield bound


@pytest.fixture
def world(_exchange: tuple[type[Handler], str]) -> World:
    _exchange[0].world = World(twelve())
    return _exchange[0].world


@pytest.fixture
def settings(_exchange: tuple[type[Handler], str]) -> Settings:
    return settings_for(_exchange[1])
