"""The models of a bundle on disk: a compressed file for the fits of each year, a line of JSON for each fit.

A training with a refit every month has some hundred models, which have most of their text in common: by year they
take a tenth of the room. A later refit rewrites the file of its own year alone. Bundles before version 7 have a plain
file for each fit.
"""

from __future__ import annotations

import json
import lzma
import os
import shutil
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from bullbear import sessions
from bullbear.learn import FoldModel

_FOLDER = "models"
_SEPARATE = "*.json"
_PRESET = 1
"""The quickest: the slowest takes ten times as long and saves a fifth."""


class KeptModels:
    """The models in the bundle `root`; `fits` are the days of their fits, None where each has a file of its own."""

    def __init__(self, root: Path, fits: Sequence[str] | None) -> None:
        self._folder = root / _FOLDER
        self._separate = fits is None
        self.fits = sorted(path.stem for path in self._folder.glob(_SEPARATE)) if fits is None else list(fits)
        self._year: tuple[str, list[str]] | None = None

    def file_of(self, day: str) -> str:
        """The file that holds the model of a day, as messages name it."""
        return f"{_FOLDER}/{day}.json" if self._separate else f"{_FOLDER}/{_name(_year(day))}"

    def read(self, day: str) -> FoldModel:
        """The model fitted at the close of `day`.

        Raises
        ------
        OSError, ValueError
            The file is gone or damaged; whatever a model raises that is of another version.
        """
        return FoldModel.restore(json.loads(self.text_of(day)))

    def text_of(self, day: str) -> str:
        """The state of a model as it was written; see `read`."""
        if self._separate:
            return (self._folder / f"{day}.json").read_text(encoding="utf-8")
        year = _year(day)
        if self._year is None or self._year[0] != year:  # the days of a replay follow each other
            self._year = (year, _lines(self._folder / _name(year)))
        fits, lines = self.fits_of(year), self._year[1]
        if len(fits) != len(lines):
            raise ValueError(f"{len(lines)} models for {len(fits)} fits")
        return lines[fits.index(day)]

    def fits_of(self, year: str) -> list[str]:
        """The days of the fits of a year."""
        return [day for day in self.fits if _year(day) == year]

    def continue_in(self, root: Path, models: Sequence[FoldModel]) -> list[str]:
        """Write these models and later ones into the bundle `root`; the days of all fits.

        Years without a new fit are linked: they never change, and a link takes no room.
        """
        (root / _FOLDER).mkdir(parents=True, exist_ok=True)
        added = _texts(models)
        for year in sorted({_year(day) for day in (*self.fits, *added)}):
            own = {day: text for day, text in added.items() if _year(day) == year}
            if not own and not self._separate:
                _link_or_copy(self._folder / _name(year), root / _FOLDER / _name(year))
                continue
            _write(root / _FOLDER / _name(year), {day: self.text_of(day) for day in self.fits_of(year)} | own)
        return sorted({*self.fits, *added})


def write_models(root: Path, models: Sequence[FoldModel]) -> list[str]:
    """Write the models into the bundle `root`; the days of their fits, in order."""
    (root / _FOLDER).mkdir(parents=True, exist_ok=True)
    ordered = sorted(models, key=_day)
    for year, of_year in groupby(ordered, lambda model: _year(_day(model))):
        _write(root / _FOLDER / _name(year), _texts(list(of_year)))
    return [_day(model) for model in ordered]


def _texts(models: Sequence[FoldModel]) -> dict[str, str]:
    return {_day(model): json.dumps(model.state()) for model in models}


def _day(model: FoldModel) -> str:
    return str(sessions.day(model.trained_through).date())


def _year(day: str) -> str:
    return day[:4]


def _name(year: str) -> str:
    return f"{year}.jsonl.xz"


def _write(path: Path, texts: Mapping[str, str]) -> None:
    lines = "".join(f"{texts[day]}\n" for day in sorted(texts))
    path.write_bytes(lzma.compress(lines.encode(), preset=_PRESET))


def _lines(path: Path) -> list[str]:
    try:
        return lzma.decompress(path.read_bytes()).decode().rstrip("\n").split("\n")
    except (lzma.LZMAError, EOFError) as bad:
        raise ValueError(str(bad)) from bad


def _link_or_copy(source: Path, target: Path) -> None:
    # Not every disk knows links.
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
