"""How old the parts of a forecast are, and what was promoted against the gate: the sentences at the end of a card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def age_lines(shown: Mapping[str, Any]) -> list[str]:
    """Sentences from the keys `ages` and `forced`; the age of the data is left out where `ages.notice` states it."""
    lines = []
    if ages := shown.get("ages"):
        lines.append(str(ages["model"]["sentence"]))
        if (data := str(ages["data"]["sentence"])) not in ages.get("notice", ()):
            lines.append(data)
        lines += [f"Absent or stale: {each['sentence']}" for each in ages.get("series", ())]
    return [*lines, *(f"{each['sentence']}." for each in shown.get("forced", ()))]
