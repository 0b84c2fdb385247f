"""The key `changes` of a card as lines with the reasons under the first of those that share them.

Most answers move together, and for the same reasons: those of the first one are enough to read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bullbear.wording import capital


def change_lines(found: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """A sentence for each change, with a sentence for each family of factors that made it."""
    lines: list[tuple[str, list[str]]] = []
    told = set[tuple[str, ...]]()
    for line in found["lines"]:
        families = tuple(sorted({cause["family"] for cause in line["why"] if cause["factor"]}))
        known = bool(families) and families in told
        told.add(families)
        lines.append((f"{capital(line['sentence'])}.", [] if known else _why(line["why"])))
    return lines


def change_note(found: Mapping[str, Any] | None) -> str:
    """What there is to say where no line is shown; "" where lines are."""
    if found is None:
        return "The ledger has no earlier forecast to compare with."
    return "" if found["lines"] else f"No notable change {found['since']['sentence']}."


def _why(causes: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for each family, with the factors that did most of it."""
    found = []
    for cause in causes:
        if cause["factor"] is None:
            own = [each["sentence"] for each in causes if each["factor"] and each["family"] == cause["family"]]
            found.append(f"{capital(': '.join(filter(None, [cause['sentence'], '; '.join(own)])))}.")
    return found
