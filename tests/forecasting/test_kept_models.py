"""The models of a bundle on disk: by year, the same bits back, and continued by later fits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.forecasting.bundle_files import as_written_by

from bullbear.forecasting.bundle import read_bundle
from bullbear.forecasting.kept_models import KeptModels, write_models
from bullbear.home import Home
from bullbear.learn import FoldModel


@pytest.fixture
def models(trained_home: Home) -> list[FoldModel]:
    """A fit at the end of 2001, four in each year from 2002 on."""
    bundle = read_bundle(trained_home.champion)
    return [bundle.model_named(day) for day in bundle.trained_through()]


def files(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((root / "models").iterdir())}


def test_each_year_has_a_file_and_each_fit_a_line(tmp_path: Path, models: list[FoldModel]) -> None:
    fits = write_models(tmp_path, models[:6])
    assert fits == ["2001-12-31", "2002-03-28", "2002-06-28", "2002-09-30", "2002-12-31", "2003-03-31"]
    assert list(files(tmp_path)) == ["2001.jsonl.xz", "2002.jsonl.xz", "2003.jsonl.xz"]
    kept = KeptModels(tmp_path, fits)
    assert [kept.read(day).state() for day in fits] == [model.state() for model in models[:6]]
    assert kept.file_of("2002-06-28") == "models/2002.jsonl.xz"


def test_in_whichever_order_they_come(tmp_path: Path, models: list[FoldModel]) -> None:
    assert write_models(tmp_path / "a", models[::-1]) == write_models(tmp_path / "b", models)
    assert files(tmp_path / "a") == files(tmp_path / "b")


@pytest.mark.parametrize("earlier", [1, 4, 5, 6])
def test_continued_by_later_fits_it_is_as_written_at_once(
    tmp_path: Path, models: list[FoldModel], earlier: int
) -> None:
    whole = write_models(tmp_path / "whole", models[:8])
    kept = KeptModels(tmp_path / "early", write_models(tmp_path / "early", models[:earlier]))
    assert kept.continue_in(tmp_path / "late", models[earlier:8]) == whole
    assert files(tmp_path / "late") == files(tmp_path / "whole")


def test_a_year_without_a_new_fit_is_linked(tmp_path: Path, models: list[FoldModel]) -> None:
    kept = KeptModels(tmp_path / "early", write_models(tmp_path / "early", models[:7]))
    kept.continue_in(tmp_path / "late", models[7:8])
    links = {
        name: os.stat(tmp_path / "late" / "models" / name).st_nlink
        for name in ("2001.jsonl.xz", "2002.jsonl.xz", "2003.jsonl.xz")
    }
    assert links == {"2001.jsonl.xz": 2, "2002.jsonl.xz": 2, "2003.jsonl.xz": 1}


def test_a_bundle_of_an_earlier_version_is_continued_in_files_by_year(
    trained_home: Home, tmp_path: Path, models: list[FoldModel]
) -> None:
    root = as_written_by(6, read_bundle(trained_home.champion).root, tmp_path / "old")
    for model in models[-3:]:
        (root / "models" / f"{model.trained_through.date()}.json").unlink()
    fits = KeptModels(root, None).continue_in(tmp_path / "new", models[-3:])
    assert fits == write_models(tmp_path / "whole", models)
    assert files(tmp_path / "new") == files(tmp_path / "whole")


def test_a_file_with_too_few_models_is_damaged(tmp_path: Path, models: list[FoldModel]) -> None:
    fits = write_models(tmp_path, models[:5])
    with pytest.raises(ValueError, match="4 models for 5 fits"):
        KeptModels(tmp_path, [*fits, "2002-12-30"]).read("2002-12-31")
