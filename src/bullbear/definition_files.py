"""Where the definitions of a home are found: its own `features/` and `models/` win over the packaged ones by name."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bullbear import shipped
from bullbear.definitions.groups import Group, read_groups
from bullbear.definitions.holdout import HoldOut, read_holdout
from bullbear.definitions.pairs import PlacedPair, read_pairs
from bullbear.definitions.picker import Picker, Rotation, read_pickers
from bullbear.definitions.promotion import Promotion, read_promotion
from bullbear.definitions.questions import Question, read_questions
from bullbear.errors import DefinitionError, Found

if TYPE_CHECKING:
    from bullbear.decide.instruments import Instrument
    from bullbear.odds.definitions import EventSet

T = TypeVar("T")
SHARED_FILES = frozenset({"questions", "instruments", "pairs", "groups", "picker", "promotion", "holdout"})
"""Files of `models/` that define no model."""


@dataclass(frozen=True)
class DefinitionFiles:
    """The definitions that a home sees, read when they are asked for."""

    root: Path

    def names(self, kind: str) -> list[str]:
        """The definitions of a kind (`models`, `features` or `models/policies`) that this home sees, sorted."""
        folders = self._folders(kind)
        found = {path.stem for folder in folders for path in self._seen(folder, kind) if path.suffix == ".toml"}
        return sorted(found - SHARED_FILES)

    def find(self, kind: str, name: str) -> Path:
        """The file that defines `name`.

        Raises
        ------
        DefinitionError
            There is no such file.
        """
        wanted, alike = f"{name}.toml", []
        for folder in self._folders(kind):
            # Compared as text: some disks do not tell MINE.toml from mine.toml, others do.
            for path in self._seen(folder, kind):
                if path.name == wanted and path.is_file():
                    return path
                if path.name.lower() == wanted.lower():
                    alike.append(path)
        names = self.names(kind)
        remedy = "choose one or add it"
        if close := difflib.get_close_matches(name.lower(), names, n=1):
            remedy = f"did you mean {close[0]}?"
        if alike and (alike[0].stem not in names or not alike[0].stem.islower()):
            remedy = f"rename {kind}/{alike[0].name} to {wanted.lower()}"
        raise DefinitionError(f"{kind}/{wanted}", Found("no such file"), ", ".join(names) or "none found", remedy)

    def questions(self) -> dict[str, Question]:
        """The packaged questions and those of this home's `models/questions.toml`, which win, by name.

        Raises
        ------
        DefinitionError
            A question makes no sense; the message names file and line.
        """
        found: dict[str, Question] = {}
        for folder in reversed(self._folders("models")):
            if (path := folder / "questions.toml").exists():
                found |= self._own_or_shipped(folder, read_questions(path), shipped.QUESTIONS)
        return found

    def promotion(self) -> Promotion:
        """The thresholds of the gate: this home's `models/promotion.toml`, else the packaged one.

        Raises
        ------
        DefinitionError
            The file cannot be used; the message names file and line.
        """
        paths = [folder / "promotion.toml" for folder in self._folders("models")]
        return next((read_promotion(path) for path in paths if path.exists()), Promotion())

    def holdout(self) -> HoldOut | None:
        """The period that this home's `models/holdout.toml` seals; None without that file.

        Raises
        ------
        DefinitionError
            The file cannot be used; the message names file and line.
        """
        path = self.root / "models" / "holdout.toml"
        return read_holdout(path) if os.path.lexists(path) else None

    def events(self) -> EventSet:
        """The packaged odds events and those of this home's `features/odds.toml`, which win, by name.

        Raises
        ------
        DefinitionError
            A file cannot be used; the message names file and line.
        """
        from bullbear.odds import load as load_events  # a forecast needs no events

        paths = {folder / "odds.toml": self._is_own(folder) for folder in reversed(self._folders("features"))}
        found = [
            load_events(path, only=None if own else shipped.EVENTS) for path, own in paths.items() if path.exists()
        ]
        merged = {event.name: event for each in found for event in each.event}
        return found[-1].model_copy(update={"event": tuple(merged.values())})

    def pairs(self) -> dict[str, PlacedPair]:
        """The packaged pairs and those of this home's `models/pairs.toml`, which win, by name.

        Raises
        ------
        DefinitionError
            A file cannot be used; the message names file and line.
        """
        return self._named("pairs.toml", read_pairs, shipped.PAIRS)

    def groups(self) -> dict[str, Group]:
        """The packaged groups of companies and those of this home's `models/groups.toml`, which win, by name.

        Raises
        ------
        DefinitionError
            A file cannot be used; the message names file and line.
        """
        return self._named("groups.toml", read_groups, shipped.GROUPS)

    def pickers(self) -> dict[str, Picker]:
        """The packaged pickers and those of this home's `models/picker.toml`, which win, by name.

        Raises
        ------
        DefinitionError
            A file cannot be used; the message names file and line.
        """
        return self._named("picker.toml", lambda path: read_pickers(path).pickers, shipped.PICKERS)

    def rotation(self) -> Rotation:
        """`[rotation]` of this home's `models/picker.toml`, else the packaged one.

        Raises
        ------
        DefinitionError
            The file cannot be used; the message names file and line.
        """
        paths = [folder / "picker.toml" for folder in self._folders("models")]
        found = (read_pickers(path).rotation for path in paths if path.exists())
        return next(each for each in found if each is not None)

    def instruments(self) -> dict[str, Instrument]:
        """What a policy may hold, by ticker: the packaged instruments, and this home's, which win.

        Raises
        ------
        DefinitionError
            An `instruments.toml` cannot be used; the message names file and line.
        """
        from bullbear.decide.instruments import read_instruments

        paths = {folder / "instruments.toml": self._is_own(folder) for folder in reversed(self._folders("models"))}
        found = {path: None if own else shipped.INSTRUMENTS for path, own in paths.items() if path.exists()}
        return read_instruments(found)

    def _is_own(self, folder: Path) -> bool:
        return folder in [self.root / kind for kind in shipped.FILES]

    def _seen(self, folder: Path, kind: str) -> list[Path]:
        """The definitions in a folder: those of the user of a checkout are not this home's, unless it is that."""
        own = self._is_own(folder)
        return sorted(path for path in folder.iterdir() if own or path.stem in shipped.FILES[kind])

    def _named(self, file: str, read: Callable[[Path], Mapping[str, T]], names: frozenset[str]) -> dict[str, T]:
        """What every `models/FILE` defines by name; the home's own come last and win."""
        found: dict[str, T] = {}
        for folder in reversed(self._folders("models")):
            if (path := folder / file).exists():
                found |= self._own_or_shipped(folder, read(path), names)
        return found

    def _own_or_shipped(self, folder: Path, found: Mapping[str, T], names: frozenset[str]) -> dict[str, T]:
        return {name: each for name, each in found.items() if self._is_own(folder) or name in names}

    def _folders(self, kind: str) -> list[Path]:
        package = Path(__file__).parent
        # A wheel carries the definitions inside the package; a checkout has them at its top level.
        packaged = [package / kind, package.parents[1] / kind]
        return [folder for folder in (self.root / kind, *packaged) if folder.is_dir()]
