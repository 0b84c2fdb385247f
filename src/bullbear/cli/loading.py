"""Imports without searches for garbage, which take a fifth of a short command's time and find none.

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
    """Do not search for garbage within the block, and never again in what there is once it has imported something.

    A block that imports nothing new sets nothing apart: where a process runs many commands, garbage must go.
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
