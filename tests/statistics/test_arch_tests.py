"""The bootstrap tests of `arch` are loaded without its models, which can still be loaded later."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from bullbear.statistics.arch_tests import arch_bootstrap
found = arch_bootstrap()
assert not {"arch", "matplotlib", "statsmodels"} & set(sys.modules), sorted(sys.modules)
from arch import arch_model
from arch.bootstrap import MCS, SPA
assert (found.MCS, found.SPA) == (MCS, SPA)
assert arch_bootstrap() is found
"""


def test_the_models_stay_unloaded_until_they_are_asked_for() -> None:
    subprocess.run([sys.executable, "-c", CODE], check=True)
