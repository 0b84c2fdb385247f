"""The colours of the HTML report by role, in both themes; charts and style sheet name roles, never colours.

The hues are Okabe and Ito's, which colour-blind readers tell apart, darkened or lightened until they read well on the
theme's paper. A role means one thing on the whole page: `forecast` is the forecast, `usual` the base rate, `bull` and
`bear` are the agents and rising and falling bars.

References
----------
Okabe, M. and Ito, K. (2008), Color universal design, https://jfly.uni-koeln.de/color/
"""

from __future__ import annotations

ROLES: dict[str, tuple[str, str]] = {
    "ink": ("#1a2026", "#e9ecef"),
    "soft": ("#55606b", "#aab4bd"),
    "paper": ("#ffffff", "#14181c"),
    "panel": ("#f4f6f8", "#1d2329"),
    "line": ("#cfd6dc", "#3b454e"),
    "grid": ("#e6eaee", "#2a3239"),
    "accent": ("#005b8f", "#7cc4f2"),
    "alarm": ("#b00020", "#ff8a80"),
    "forecast": ("#0072b2", "#5db4ea"),
    "usual": ("#a66a00", "#f2c14e"),
    "grey": ("#6b7680", "#a3adb6"),
    "bull": ("#0072b2", "#5db4ea"),
    "bear": ("#d55e00", "#ff9a52"),
    "green": ("#00805e", "#3fcf9f"),
    "purple": ("#a8487f", "#e59ac4"),
    "yellow": ("#8f8200", "#ffe27a"),
    "sky": ("#2f8fc9", "#8fd0ff"),
}
"""Role: its colour on light and on dark paper."""

SERIES = ("forecast", "bear", "green", "purple", "yellow", "sky", "grey", "ink")
"""The order in which lines without a meaning of their own take their colours."""


def role(name: str, opacity: float = 1.0) -> str:
    """How a figure names a colour; the page puts the theme's in its place.

    Example
    -------
    >>> role("forecast"), role("usual", 0.2)
    ('@forecast', '@usual/0.2')
    """
    if name not in ROLES:
        raise KeyError(f"no colour role {name!r}; there are {', '.join(ROLES)}")
    return f"@{name}" if opacity == 1.0 else f"@{name}/{opacity:g}"


def style_variables(theme: int) -> str:
    """The roles as CSS custom properties: of light (0) or dark (1) paper."""
    return " ".join(f"--{name}: {colours[theme]};" for name, colours in ROLES.items())
