"""Writes the house of docs/architecture.md from the import contracts and the docstrings of the packages."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- house: written by `make docs` -->\n", "<!-- end of house -->\n"


def house() -> str:
    """Mermaid diagrams of every layers contract, and a table of the rooms."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layered = [contract for contract in contracts if contract["type"] == "layers"]
    protected = [contract for contract in contracts if contract["type"] == "protected"]
    parts = [_diagram(contract) for contract in layered]
    rows = ["| room | what goes on there | alone may import |", "| --- | --- | --- |"]
    for floor in layered[0]["layers"]:
        for room in _rooms(floor):
            alone = [name for each in protected if _allows(each, room) for name in each["protected_modules"]]
            rows.append(f"| `{_short(room)}` | {_idea(room)} | {', '.join(f'`{_short(name)}`' for name in alone)} |")
    return "\n".join([*parts, "\n".join(rows), ""])


def page() -> str:
    """The page with its house as it is now."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{house()}\n{END}{after}"


def _diagram(contract: dict[str, Any]) -> str:
    """One node a floor, an arrow from each to the floor below."""
    lines = [f"{contract['name']}:\n", "```mermaid", "flowchart TB"]
    floors = [_rooms(floor) for floor in contract["layers"]]
    for number, rooms in enumerate(floors):
        lines.append(f'  f{number}["{"  ·  ".join(_short(room) for room in rooms)}"]')
    lines.append("  " + " --> ".join(f"f{number}" for number in range(len(floors))))
    return "\n".join([*lines, "```", ""])


def _rooms(floor: str) -> list[str]:
    return [name.strip(" ()") for name in floor.split("|")]


def _allows(contract: dict[str, Any], room: str) -> bool:
    return any(f"{each}.".startswith(f"{room}.") for each in contract["allowed_importers"])


def _short(module: str) -> str:
    return module.removeprefix("bullbear.")


def _idea(module: str) -> str:
    """The first sentence of a module's or package's docstring."""
    place = ROOT / "src" / Path(*module.split("."))
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    doc = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(doc.split("\n\n")[0].split())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
