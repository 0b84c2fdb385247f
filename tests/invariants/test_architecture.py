"""docs/architecture.md shows the house as it is."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
GUIDE = PAGE.split("<!-- end of house -->")[1].split("## The rules in full")[0]
NAMED = sorted(set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*/?(?:\.py|\.toml)?)`", GUIDE)))
PLACES = [name for name in NAMED if "/" in name or name.endswith(".py")]


def test_the_house_is_current() -> None:
    written = runpy.run_path(str(ROOT / "docs" / "house.py"))["page"]()
    assert written == PAGE, "run `make docs`"


def test_the_house_shows_every_floor_and_who_alone_imports_a_library() -> None:
    house = runpy.run_path(str(ROOT / "docs" / "house.py"))["house"]()
    assert "f0 --> f1" in house
    assert 'f0["cli"]' in house
    assert re.search(r"\| `tracking` \| [^|]+ \| `mlflow`, `sqlalchemy` \|", house)


@pytest.mark.parametrize("name", PLACES)
def test_every_place_that_the_page_names_exists(name: str) -> None:
    in_home = {"factors/*.py", "learners/*.py"}
    assert name in in_home or (ROOT / "src" / "bullbear" / name).exists() or (ROOT / name).exists()
