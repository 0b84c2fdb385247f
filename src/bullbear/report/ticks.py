"""Labels of axes that are true: as many decimals as the step between the ticks needs, and no more.

A fixed number of decimals rounds a label away from its tick: steps of 2.5 were labelled +7, +5, +2, 0, -3.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.ticker import Formatter

_MOST = 6


def decimals_of(values: Sequence[float]) -> int:
    """The least number of decimals that shows every value as it is, up to six.

    Example
    -------
    >>> decimals_of([-2.5, 0.0, 2.5]), decimals_of([0.0, 20.0]), decimals_of([0.0, 0.1 + 0.2, 0.25])
    (1, 0, 2)
    """
    reach = max((abs(value) for value in values), default=0.0)
    for digits in range(_MOST):
        if all(abs(round(value, digits) - value) <= 1e-9 * max(reach, 1e-9) for value in values):
            return digits
    return _MOST


class PercentTicks(Formatter):
    """Fractions in per cent, with a plus before what is above zero if `signed`.

    Example
    -------
    >>> PercentTicks(signed=True).format_ticks([-0.025, 0.0, 0.025, 0.05])
    ['-2.5%', '0.0%', '+2.5%', '+5.0%']
    """

    def __init__(self, *, signed: bool = False) -> None:
        self._signed = signed
        self._digits = 0

    def set_locs(self, locs: Sequence[float]) -> None:
        """Take the ticks, and the decimals that they need."""
        self._digits = decimals_of([100.0 * float(each) for each in locs])

    def __call__(self, x: float, pos: int | None = None) -> str:
        """The label of a tick."""
        value = round(100.0 * x, self._digits) + 0.0  # no negative zero
        sign = "+" if self._signed and value > 0.0 else ""
        return f"{sign}{value:.{self._digits}f}%"
