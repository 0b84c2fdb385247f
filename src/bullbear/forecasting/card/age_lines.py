"""How old the parts of a forecast are, and what was promoted against the gate: the sentences at the end of a card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bullbear.wording import FEW


def age_lines(shown: Mapping[str, Any]) -> list[str]:
    """Sentences from the keys `ages` and `forced`; the age of the data is left out where `ages.notice` states it."""
    lines = []
    if ages := shown.get("ages"):
        lines.append(str(ages["model"]["sentence"]))
        if (data := str(ages["data"]["sentence"])) not in ages.get("notice", ()):
            lines.append(data)
        series = ages.get("series", ())
        if len(series) <= FEW:
            lines += [f"Absent or stale: {each['sentence']}" for each in series]
        else:  # the summary names the first
            lines.append(f"Absent or stale: {len(series)} series; `bullbear status --series` says since when.")
    return [*lines, *(f"{each['sentence']}." for each in shown.get("forced", ()))]
