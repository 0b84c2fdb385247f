"""The house keeps its floors: who imports whom, who alone knows a library, and what a forecast never loads."""

from __future__ import annotations

import ast
import json
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import bullbear
from bullbear.extras import LIBRARIES
from bullbear.home import Home

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "bullbear"
FREE = {"arch", "statsmodels"}
"""Libraries of an extra that several floors may import."""
UNIMPORTED = {"ta_lib", "dask"}
"""Declared under another name than they are imported by, or for what they bring."""
EDGE = {"tracking", "report", "cli", "workflows"}
"""What may be missing when MLflow is."""
NEVER_IN_A_FORECAST = (
    "mlflow", "sklearn", "matplotlib", "arch", "httpx", "jinja2", "joblib", "numba", "exchange_calendars",
)  # fmt: skip


PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS: list[dict[str, Any]] = PROJECT["tool"]["importlinter"]["contracts"]
PROTECTED = {name for contract in CONTRACTS for name in contract.get("protected_modules", ())}
PLANTED = (
    "def late():\n"
    + "".join(f"    import {name}\n" for name in sorted(PROTECTED))
    + "    import bullbear.cli, bullbear.factors.regime\n"
)


def linted(project: Path) -> str:
    """What import-linter says of the package in `project`."""
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [command, "--no-cache"], cwd=project, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": str(project / "src")},
    )  # fmt: skip
    return done.stdout + done.stderr


def test_the_contracts_of_the_floors_are_kept() -> None:
    assert f"{len(CONTRACTS)} kept, 0 broken" in linted(ROOT)


def test_a_new_module_that_imports_what_it_must_not_breaks_every_contract(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(SOURCE, tmp_path / "src" / "bullbear", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "src" / "bullbear" / "factors" / "engine" / "planted.py").write_text(PLANTED)
    answer = linted(tmp_path)
    assert f"0 kept, {len(CONTRACTS)} broken" in answer
    assert "bullbear.factors.engine.planted" in answer


def test_every_module_stands_on_a_floor() -> None:
    floors = " ".join(CONTRACTS[0]["layers"]).replace("|", " ").replace("(", " ").replace(")", " ").split()
    modules = {f"bullbear.{each.name}" for each in pkgutil.iter_modules(bullbear.__path__)}
    assert modules == set(floors)


@cache
def imports_of(path: Path) -> set[str]:
    """Top-level names of everything that a module imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def test_every_library_of_an_extra_has_a_contract() -> None:
    imported = set().union(*(imports_of(path) for path in SOURCE.rglob("*.py")))
    optional = {name for libraries in LIBRARIES.values() for name in libraries} & imported
    assert optional - FREE <= PROTECTED


def test_every_library_that_is_imported_is_declared() -> None:
    base = {re.split(r"[<>=\[]", line)[0].replace("-", "_") for line in PROJECT["project"]["dependencies"]}
    declared = base | {name for libraries in LIBRARIES.values() for name in libraries}
    imported = set().union(*(imports_of(path) for path in SOURCE.rglob("*.py")))
    known = {"bullbear", "__future__", "talib"} | set(sys.stdlib_module_names)
    assert imported - known - declared == set()
    assert declared - imported - UNIMPORTED == set()


def run_python(code: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True, text=True, timeout=120, cwd="/", env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


WITHOUT_MLFLOW = """
import importlib, pkgutil, sys
from pathlib import Path

class Uninstalled:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "mlflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Uninstalled())
import bullbear
edge = set(sys.argv[2].split(","))
for module in pkgutil.walk_packages(bullbear.__path__, "bullbear."):
    if module.name.split(".")[1] not in edge:
        importlib.import_module(module.name)
from bullbear.forecasting.forecast import issue
from bullbear.home import Home
print(issue(Home(Path(sys.argv[1])))["p_up"])
"""


@pytest.fixture
def copied(trained_home: Home, tmp_path: Path) -> Home:
    """A home with a champion, to write a forecast into."""
    return Home(Path(shutil.copytree(trained_home.root, tmp_path / "home", symlinks=True)))


def test_everything_below_the_edge_runs_with_mlflow_uninstalled(copied: Home) -> None:
    assert 0.0 < float(run_python(WITHOUT_MLFLOW, copied.root, ",".join(EDGE))) < 1.0


def test_the_package_its_commands_and_its_policies_load_without_numba() -> None:
    code = "import sys, bullbear, bullbear.cli, bullbear.decide.sweep; from bullbear.decide.policy import POLICIES"
    assert run_python(f"{code}; POLICIES.names; print('numba' in sys.modules)") == "False\n"


def test_backtests_compile_nothing_and_sweeps_of_other_policies_neither() -> None:
    code = "import sys, bullbear.workflows.sweeping; from bullbear.decide.engine import not_compiled"
    code += "; from bullbear.decide.policies.band import BandPolicy; not_compiled(BandPolicy())"
    loaded = "print([name for name in sys.modules if name.startswith('bullbear.decide.compiled')])"
    assert run_python(f"{code}; {loaded}") == "[]\n"


FORECAST = """
import json, sys
from bullbear.cli import main
sys.argv = ["bullbear", "forecast", "--home", sys.argv[1], "--json"]
try:
    main()
except SystemExit as done:
    assert not done.code, done.code
sys.stderr.write("LOADED " + json.dumps(sorted({name.split(".")[0] for name in sys.modules if sys.modules[name]})))
"""


def test_a_forecast_loads_no_library_that_it_does_not_need(copied: Home) -> None:
    run_python(FORECAST, copied.root)  # the first one may have to build the calendar
    done = subprocess.run(
        [sys.executable, "-c", FORECAST, str(copied.root)], capture_output=True, text=True, timeout=120, check=True
    )
    assert json.loads(done.stdout)["ticker"] == "IWM"
    loaded = set(json.loads(done.stderr.split("LOADED ")[1]))
    assert loaded & set(NEVER_IN_A_FORECAST) == set()
    assert {"numpy", "lightgbm"} <= loaded
