"""The factor library: one folder per family, the engine beside them.

Importing the package imports every module of every family, and so fills the registry; a new module needs no entry here.
"""

import pkgutil
from importlib import import_module

from bullbear.factors.engine.feature_sets import load, universe
from bullbear.factors.engine.matrix import compute
from bullbear.factors.engine.registry import Array, Bars, Factor, Releases, factor, registered

__all__ = ["Array", "Bars", "Factor", "Releases", "compute", "factor", "load", "registered", "universe"]

for _module in pkgutil.walk_packages(__path__, f"{__name__}."):
    if not _module.ispkg and not _module.name.startswith(f"{__name__}.engine."):
        import_module(_module.name)
