"""Which library belongs to which extra, and what is said where one is missing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from bullbear.errors import MissingExtraError
from bullbear.extras import LIBRARIES, extra_of, require, require_modules
from bullbear.learn.learners.distribution import Distribution

ROOT = Path(__file__).resolve().parents[1]
IMPORTED_AS = {"scikit-learn": "sklearn", "venn-abers": "venn_abers"}


def packages(requirements: list[str]) -> set[str]:
    """The import names of requirements, of `dask[distributed]` both."""
    names = [name for line in requirements for name in re.findall(r"[\w-]+", re.split(r"[<>=]", line)[0])]
    return {IMPORTED_AS.get(name, name) for name in names}


def test_the_table_is_that_of_pyproject() -> None:
    extras: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for name in ("dev", "bench", "docs"):  # nothing that a command needs
        extras.pop(name)
    assert {name: packages(requirements) for name, requirements in extras.items()} == {
        name: set(libraries) for name, libraries in LIBRARIES.items()
    }


@pytest.mark.parametrize(
    ("library", "extra"), [("mlflow.tracking", "tracking"), ("sklearn", "train"), ("numpy", None), (None, None)]
)
def test_a_module_leads_to_its_extra(library: str | None, extra: str | None) -> None:
    assert extra_of(library) == extra


def test_what_is_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    require("bullbear train", "train", "tracking")
    monkeypatch.setattr(
        "bullbear.extras.find_spec", lambda name: None if name in ("arch", "mlflow") else find_spec(name)
    )
    require("bullbear report", "report")
    with pytest.raises(MissingExtraError, match=r"^bullbear train needs the extras \[train,tracking\]: pip install"):
        require("bullbear train", "train", "tracking", "report")


def test_a_fit_needs_only_the_libraries_of_its_own_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = {
        scale: Distribution.model_validate({"kind": "distribution", "scale": scale}).imports()
        for scale in ("har", "garch", "implied")
    }
    monkeypatch.setattr("bullbear.extras.find_spec", lambda name: None if name == "arch" else find_spec(name))
    require_modules("a refit", (*needs["har"], *needs["implied"], "lightgbm"))
    with pytest.raises(MissingExtraError, match=r"^a refit needs the extra \[train\]: pip install"):
        require_modules("a refit", needs["garch"])


COMMANDS = [
    ("mlflow", ["ui"], "bullbear ui needs the extra [tracking]: pip install 'bullbear[tracking]'"),
    ("sklearn", ["train", "logistic"], "bullbear train needs the extra [train]: pip install 'bullbear[train]'"),
    ("matplotlib", ["odds", "--chart"], "--chart needs the extra [report]: pip install 'bullbear[report]'"),
    ("httpx", ["run", "--data", "live"], "this command needs the extra [live]: pip install 'bullbear[live]'"),
]
# One process for all, since nothing that one command misses has been imported before it.
EACH_WITHOUT_ITS_LIBRARY = """
import json, sys
from bullbear.cli import main
for library, arguments in json.loads(sys.argv[1]):
    assert library not in sys.modules
    sys.modules[library] = None
    sys.argv = ["bullbear", *arguments]
    try:
        main()
    except SystemExit as done:
        sys.stderr.write(f"code {done.code}\\n")
    del sys.modules[library]
"""


def test_a_command_without_its_extra_says_so_in_one_line(tmp_path: Path) -> None:
    asked = json.dumps([(library, [*arguments, "--home", str(tmp_path)]) for library, arguments, _ in COMMANDS])
    done = subprocess.run(
        [sys.executable, "-c", EACH_WITHOUT_ITS_LIBRARY, asked],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    *told, rest = done.stderr.split("code 2\n")
    assert [each.splitlines()[-1] for each in told] == [f"bullbear: {line}" for *_, line in COMMANDS]
    assert rest == ""
    assert "Traceback" not in done.stderr
