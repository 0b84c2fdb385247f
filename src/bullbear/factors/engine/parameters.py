"""Parameters that many factors share: described and limited once, by name.

A factor whose parameter means what the table says need neither limit nor describe it. One that differs gives its own
`limits`, or its own entry under "Parameters" in the docstring, and these win. "Rows" are sessions, or releases of a
series that is read as releases.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

WINDOW = (2.0, 2520.0)
"""Default limits of a window: from two sessions to ten years."""


@dataclass(frozen=True)
class Parameter:
    """What a parameter, or an input, of that name means unless a factor says otherwise."""

    text: str
    limits: tuple[float, float] | None = None


SHARED: dict[str, Parameter] = {
    "bars": Parameter("Daily bars of one ticker."),
    "asset": Parameter("Daily bars of the ticker, on the sessions on which the benchmark traded too."),
    "benchmark": Parameter("Daily bars of the ticker that it is compared with."),
    "sectors": Parameter("Daily bars of the nine sector funds, on joint sessions, in any order."),
    "level": Parameter("A series as last published at each close."),
    "releases": Parameter("A series in the order of its periods, as known at one instant."),
    "short_interest": Parameter("Short interest as last published at each close."),
    "short_volume": Parameter("Daily short-sale volume as last published at each close."),
    "breadth": Parameter("Figures of a fund's members, as known at each close."),
    "implied": Parameter("Implied volatility as last published at each close, per cent a year."),
    "near": Parameter("Implied volatility over the shorter horizon, per cent a year, as last published."),
    "far": Parameter("Implied volatility over the longer horizon, per cent a year, as last published."),
    "bullish": Parameter("Share of those who expect rising prices, per cent, as last published."),
    "bearish": Parameter("Share of those who expect falling prices, per cent, as last published."),
    "exposure": Parameter("Mean exposure to stocks, per cent of capital, as last published."),
    "ratio": Parameter("Volume of puts over volume of calls on a day, as last published."),
    "first": Parameter("Settlement of the future that expires first."),
    "second": Parameter("Settlement of the future that expires a month later."),
    "window": Parameter("Rows of the window, the current one included; a change over it starts a row earlier.", WINDOW),
    "fast": Parameter("Rows of the shorter average, fewer than `slow`.", WINDOW),
    "slow": Parameter("Rows of the longer average.", WINDOW),
    "signal": Parameter("Rows of the signal line.", WINDOW),
    "short": Parameter("Rows of the shorter window, fewer than `long`.", (1.0, 252.0)),
    "long": Parameter("Rows of the longer window.", (1.0, 1260.0)),
    "cap": Parameter("Largest age counted; a longer one reads as this.", (1.0, 1260.0)),
    "memory": Parameter("Recent sessions taken together.", (1.0, 252.0)),
    "span": Parameter("Sessions over which the change is taken.", (1.0, 1260.0)),
    "lag": Parameter("Sessions between the two values of a pair.", (1.0, 252.0)),
    "periods": Parameter("Releases looked back.", (1.0, 120.0)),
    "average": Parameter("Releases in the moving average, the newest included.", (1.0, 24.0)),
    "step": Parameter("Months from one release to the next (3 for a quarterly series).", (1.0, 12.0)),
    "horizon": Parameter("Sessions until an outcome is known.", (1.0, 126.0)),
    "width": Parameter("Standard deviations from the middle to each band.", (0.1, 10.0)),
    "side": Parameter("Which of the two sides is measured."),
    "reference": Parameter("The series that is taken off, of the same unit, as last published at each close."),
    "measure": Parameter("Short interest per share outstanding, in shares as reported, or in days of average volume."),
    "kind": Parameter("The kind of event."),
    "touches": Parameter("Touches that a level needs to count.", (1.0, 10.0)),
    "components": Parameter("Eigenvectors counted; the paper takes a fifth of the number of assets.", (1.0, 9.0)),
    "smooth": Parameter("Sessions averaged.", (1.0, 252.0)),
    "slope_window": Parameter("Sessions over which the average's own change is taken.", (1.0, 252.0)),
}


def limits_of(name: str) -> tuple[float, float] | None:
    """The shared limits of a parameter."""
    return SHARED[name].limits if name in SHARED else None


def described(documented: Callable[..., Any] | type, name: str) -> str:
    """What a parameter or input means: the entry in the docstring of its function or group, else the shared one.

    Example
    -------
    >>> described(limits_of, "window")
    'Rows of the window, the current one included; a change over it starts a row earlier.'
    """
    # A group that extends another describes what it adds or changes.
    documents = reversed(documented.__mro__) if isinstance(documented, type) else [documented]
    own: dict[str, str] = {}
    for each in documents:
        own |= _entries(inspect.getdoc(each) or "")
    return own.get(name) or (SHARED[name].text if name in SHARED else "")


def _entries(docstring: str) -> dict[str, str]:
    """Name to text of numpydoc's section "Parameters"."""
    found: dict[str, str] = {}
    _, _, section = docstring.partition("Parameters\n----------\n")
    block: list[str] = []
    names: list[str] = []
    for line in [*section.split("\n"), "end"]:
        if line.startswith(" ") and names:
            block.append(line)
        elif line.strip():
            found |= dict.fromkeys(names, " ".join(dedent("\n".join(block)).split()))
            names, block = [name.strip(" *") for name in line.split(",")], []
        else:  # a blank line ends the section
            found |= dict.fromkeys(names, " ".join(dedent("\n".join(block)).split()))
            break
    return found
