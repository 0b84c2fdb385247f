"""The bootstrap tests of `arch`, SPA and MCS, without its volatility models, which would take longer to import."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType


def arch_bootstrap() -> ModuleType:
    """The module `arch.bootstrap`; where `arch` is not loaded yet, its models stay unloaded."""
    name = "arch.bootstrap"
    if "arch" in sys.modules or name in sys.modules or (spec := find_spec("arch")) is None:
        return import_module(name)
    package = ModuleType("arch")
    package.__path__ = list(spec.submodule_search_locations or ())
    sys.modules["arch"] = package
    try:
        return import_module(name)
    finally:
        del sys.modules["arch"]  # whoever needs the models imports the whole package
