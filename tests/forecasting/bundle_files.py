"""Files of a bundle: the models of one in the form of an earlier version, and the newest model changed."""

from __future__ import annotations

import json
import lzma
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any


def as_written_by(version: int, bundle: Path, place: Path) -> Path:
    """A copy of a bundle in `place` as versions 5 and 6 wrote it: a file for each fit, named by its day."""
    shutil.copytree(bundle, place)
    meta = json.loads((place / "bundle.json").read_text())
    days = iter(meta.pop("fits"))
    (place / "bundle.json").write_text(json.dumps(meta | {"version": version}))
    for path in sorted((place / "models").iterdir()):
        for line in lzma.decompress(path.read_bytes()).decode().splitlines():
            (path.parent / f"{next(days)}.json").write_text(line)
        path.unlink()
    return place


def change_models(bundle: Path, change: Callable[[dict[str, Any]], object], *, newest: bool = False) -> None:
    """Change the state of every model of a bundle, or of the newest alone."""
    paths = sorted((bundle / "models").iterdir())
    for path in paths[-1:] if newest else paths:
        states = [json.loads(line) for line in lzma.decompress(path.read_bytes()).decode().splitlines()]
        for state in states[-1:] if newest else states:
            change(state)
        path.unlink()  # it may be linked
        path.write_bytes(lzma.compress("".join(json.dumps(state) + "\n" for state in states).encode()))


def without_models_before(day: str, bundle: Path) -> None:
    """Take the models of fits before `day` out of a bundle."""
    meta = json.loads((bundle / "bundle.json").read_text())
    fits = [each for each in meta["fits"] if each >= day]
    (bundle / "bundle.json").write_text(json.dumps(meta | {"fits": fits}))
    for path in (bundle / "models").iterdir():
        lines = lzma.decompress(path.read_bytes()).decode().splitlines()
        kept = lines[len(lines) - sum(each[:4] == path.name[:4] for each in fits) :]
        path.unlink()
        if kept:
            path.write_bytes(lzma.compress("".join(line + "\n" for line in kept).encode()))
