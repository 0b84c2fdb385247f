"""The code of bullbear as one file, which every logged model carries so that it is served by what trained it.

One file instead of some hundred: a server takes each by a request of its own, and a training of eight questions logs
eight models.
"""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path

PACKAGE = "bullbear.zip"
_ROOT = Path(__file__).parents[1]
_TIME = (1980, 1, 1, 0, 0, 0)


@cache
def package() -> bytes:
    """A zip that Python imports from; the same code gives the same bytes."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for path in sorted(_ROOT.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                name = path.relative_to(_ROOT.parent).as_posix()
                entry = zipfile.ZipInfo(name, _TIME)  # without the file's own time
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return held.getvalue()
