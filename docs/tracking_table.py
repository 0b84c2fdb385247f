"""Writes the tables of docs/instruments.md from the JSON of `bullbear instruments`, read from standard input."""

from __future__ import annotations

import json
import sys
from typing import Any

ERRORS = ("daily", "monthly", "lasting")


def by_fund(entries: list[dict[str, Any]]) -> list[str]:
    """The whole overlap, a row for each fund."""
    lines = [
        "| fund | overlap from | multiple | difference a year | daily error | monthly error | lasting error | "
        "correlation | fitted multiple | fitted financing |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for each in entries:
        whole, fit = each["tracking"][-1], each["fits"][-1]
        errors = " | ".join(f"{whole[name]:.2%}" for name in ERRORS)
        lines.append(
            f"| {each['ticker']} | {each['first_bar']} | {each['multiple']:g} | {whole['difference']:+.2%} | {errors} "
            f"| {whole['correlation']:.4f} | {fit['multiple']:.3f} | {fit['financing_spread']:.2%} |"
        )
    return lines


def by_year(entries: list[dict[str, Any]], figure: str, sign: str = "") -> list[str]:
    """One figure by fund and year."""
    years = sorted({each["year"] for entry in entries for each in entry["tracking"][:-1]})
    lines = [
        f"| {figure} | {' | '.join(str(year) for year in years)} |",
        f"| --- |{' ---: |' * len(years)}",
    ]
    for entry in entries:
        found = {each["year"]: each[figure] for each in entry["tracking"]}
        cells = ["" if found.get(year) is None else f"{100 * found[year]:{sign}.1f}" for year in years]
        lines.append(f"| {entry['ticker']} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Print all tables."""
    entries = [each for each in json.load(sys.stdin) if each["tracking"]]
    tables = [by_fund(entries)]
    tables += [by_year(entries, name, "+" if name == "difference" else "") for name in ("difference", *ERRORS)]
    sys.stdout.write("\n\n".join("\n".join(table) for table in tables) + "\n")


if __name__ == "__main__":
    main()
