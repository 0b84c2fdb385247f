"""The house keeps its floors: who imports whom, who alone knows a library, and what a forecast never loads."""

from __future__ import annotations

import ast
import json
import os
import pkgutil
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import bullbear
from bullbear.home import Home

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "bullbear"
ALONE = {
    "mlflow": "tracking",
    "optuna": "learn",
    "matplotlib": "report",
    "plotly": "report",
    "jinja2": "report",
    "httpx": "data",
    "requests": "data",
    "duckdb": "data",
    "pyarrow": "data",
    "lightgbm": "learn",
    "sklearn": "learn",
    "dask": "execution",
    "distributed": "execution",
    "joblib": "execution",
    "typer": "cli",
    "rich": "cli",
}
"""Library to the one package that may import it."""
EDGE = {"tracking", "report", "cli", "workflows"}
"""What may be missing when MLflow is."""
NEVER_IN_A_FORECAST = (
    "mlflow",
    "sklearn",
    "matplotlib",
    "optuna",
    "arch",
    "httpx",
    "jinja2",
    "exchange_calendars",
    "joblib",
    "distributed",
)


def test_the_contracts_of_the_floors_are_kept() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


def test_every_module_stands_on_a_floor() -> None:
    contract = (ROOT / "pyproject.toml").read_text().split("layers = [")[1].split("\n]")[0]
    modules = {each.name for each in pkgutil.iter_modules(bullbear.__path__)}
    assert {name for name in modules if f"bullbear.{name}" not in contract} == set()


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


@pytest.mark.parametrize("library", sorted(ALONE))
def test_a_library_is_known_in_one_place(library: str) -> None:
    places = {path.relative_to(SOURCE).parts[0] for path in SOURCE.rglob("*.py") if library in imports_of(path)}
    assert places <= {ALONE[library]}


def test_the_check_sees_imports_inside_functions(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("def f():\n    from mlflow.tracking import x\n    import optuna.samplers as y\nfrom . import z\n")
    assert imports_of(module) == {"mlflow", "optuna"}


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
