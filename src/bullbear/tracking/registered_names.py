"""The names of registered models, readable without MLflow."""

from __future__ import annotations

from bullbear.definitions import UP
from bullbear.definitions.models import Subject

REGISTERED = "bullbear"
SIMULATED = "bullbear-simulated"
CHAMPION = "champion"


def name_of(question: str, ticker: str, *, simulated: bool) -> str:
    """The registered model of a question about a fund: `bullbear` for `up`, `bullbear.NAME` for another one.

    Those of a simulated market are `bullbear-simulated` and `bullbear-simulated.NAME`, those of another fund
    `bullbear-QQQ` and so on, so that they are never taken for each other.
    """
    name = SIMULATED if simulated else REGISTERED
    name = name if ticker == Subject().ticker else f"{name}-{ticker}"
    return name if question == UP.name else f"{name}.{question}"
