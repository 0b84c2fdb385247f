"""What a command loads before it runs: help needs no more than the command line itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("pandas", "numpy", "mlflow", "matplotlib", "rich", "bullbear.home")


@pytest.mark.parametrize("words", [["--help"], ["forecast", "--help"], ["--version"]])
def test_help_and_version_load_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys\nfrom bullbear.cli.app import app\n"
        f"try:\n    app({words!r})\nexcept SystemExit:\n    pass\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip()
    assert done.stderr.strip() == "[]"


def test_group_starts_without_what_trains_and_reports() -> None:
    code = (
        "import sys, bullbear.cli.group, bullbear.workflows.group\n"
        "names = 'mlflow sklearn lightgbm scipy talib statsmodels arch matplotlib distributed'.split()\n"
        "print([name for name in names if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"
