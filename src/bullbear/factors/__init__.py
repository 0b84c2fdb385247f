"""The factor library: one folder per family, the engine beside them.

Importing the package imports every module of every family, and so fills the registry; a new module needs no entry here.
"""

import pkgutil
from importlib import import_module

FAMILIES = tuple(
    import_module(each.name)
    for each in pkgutil.walk_packages(__path__, f"{__name__}.")
    if not each.ispkg and not each.name.startswith(f"{__name__}.engine.")
)
"""The modules whose import fills the registry."""

from bullbear.factors.engine.feature_sets import load  # noqa: E402
from bullbear.factors.engine.matrix import compute  # noqa: E402
from bullbear.factors.engine.registry import Factor, factor, registered  # noqa: E402

__all__ = ["FAMILIES", "Factor", "compute", "factor", "load", "registered"]
