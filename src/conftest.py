"""What the examples in docstrings may use without an import."""

from __future__ import annotations

from typing import Any

import pytest

from bullbear.factors.engine.windows import bars_from


@pytest.fixture(autouse=True)
def _names(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace["bars_from"] = bars_from
