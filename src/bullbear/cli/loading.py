"""Imports with the garbage collector paused: it would take a fifth of a short command's time and find nothing.

What a module defines stays for good. Python's collector would look through all of it again and again while more is
imported, during the work, and once more at the end.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Pause the garbage collector within the block, and exempt for good what there is once the block has imported.

    A block that imports nothing new exempts nothing: a process that runs many commands must collect its garbage.
    """
    searched, known = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > known:
            gc.freeze()
        if searched:
            gc.enable()
