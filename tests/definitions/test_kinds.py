"""A registry finds its kinds, and says in one line what is wrong with a table."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from bullbear.definitions import Definition, Kinds, Source
from bullbear.errors import DefinitionError

TEXT = '[shape]\nkind = "circle"\nradius = 2.0\n'
SOURCE = Source(Path("models/tiny.toml"), TEXT)


class Shape(Definition):
    kind: str


class Circle(Shape):
    kind: Literal["circle"]
    radius: float = Field(default=1.0, gt=0)


class Square(Shape):
    kind: Literal["square"]
    side: float


def shapes(**options: str) -> Kinds[Shape]:
    found = Kinds[Shape]("shape", **options)
    found.register(Square)
    found.register(Circle)
    return found


def test_a_table_is_read_as_its_kind() -> None:
    assert shapes().read({"kind": "circle", "radius": 2.0}, SOURCE, below=("shape",)) == Circle(
        kind="circle", radius=2.0
    )
    assert shapes().read({"kind": "square", "side": 3.0}) == Square(kind="square", side=3.0)
    assert shapes().names() == ("circle", "square")
    assert shapes()["square"] is Square


def test_the_default_kind_is_that_of_a_table_without_one() -> None:
    assert shapes(default="circle").read({}) == Circle(kind="circle")
    with pytest.raises(
        DefinitionError,
        match=r"^python/shape:1 \(kind\): missing; allowed: circle or square; choose the shape's kind$",
    ):
        shapes().read({})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"kind": "oval"},
            "models/tiny.toml:2 (shape.kind): got 'oval'; allowed: circle or square; choose the shape's kind",
        ),
        (
            {"kind": ["circle"]},
            "models/tiny.toml:2 (shape.kind): got ['circle']; allowed: circle or square; choose the shape's kind",
        ),
        (
            {"kind": "circle", "radius": 0.0},
            "models/tiny.toml:3 (shape.radius): got 0.0; allowed: a number above 0; correct the file",
        ),
        (
            {"kind": "circle", "side": 1.0},
            "models/tiny.toml:1 (shape.side): got 'side'; allowed: one of kind, radius; remove or rename the key",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(table: dict[str, object], message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        shapes().read(table, SOURCE, below=("shape",))
    assert str(caught.value) == message


def test_two_files_cannot_register_one_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = shapes()
    (tmp_path / "mine_of_test.py").write_text(
        "from typing import Literal\nfrom bullbear.definitions import Definition\n"
        'class Mine(Definition):\n    kind: Literal["circle"] = "circle"\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    import mine_of_test

    with pytest.raises(TypeError, match=r"the shape 'circle' is already registered by .*test_kinds\.py"):
        found.register(mine_of_test.Mine)
    found.register(Circle)  # the same class again, as a test runner may load it


def test_a_class_without_its_literal_is_a_mistake_of_its_author() -> None:
    with pytest.raises(TypeError, match=r'Shape: a shape needs the field kind: Literal\["its name"\]'):
        shapes().register(Shape)
    with pytest.raises(TypeError, match="Definition: a shape needs"):
        shapes().register(Definition)


def test_the_modules_of_a_package_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "shapes_of_test"
    package.mkdir()
    (package / "__init__.py").write_text(
        'from bullbear.definitions import Definition, Kinds\nSHAPES = Kinds("shape", package=__name__)\n'
    )
    for name in ("oval", "star"):
        (package / f"{name}.py").write_text(
            "from typing import Literal\nfrom bullbear.definitions import Definition\n"
            "from shapes_of_test import SHAPES\n\n@SHAPES.register\n"
            f'class K(Definition):\n    kind: Literal["{name}"]\n'
        )
    monkeypatch.syspath_prepend(tmp_path)
    import shapes_of_test

    assert shapes_of_test.SHAPES.names() == ("oval", "star")
    assert shapes_of_test.SHAPES.read({"kind": "star"}).kind == "star"
