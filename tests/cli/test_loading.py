"""Loading sets modules apart from the search for garbage, once, and leaves the search as it was."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest

from bullbear.cli.loading import loading


def test_a_new_module_is_set_apart_and_the_search_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "only_here.py").write_text("found = [[] for _ in range(1000)]\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    gc.unfreeze()
    try:
        with loading():
            assert not gc.isenabled()
            import only_here  # type: ignore[import-not-found]
        assert gc.isenabled()
        assert gc.get_freeze_count() > len(only_here.found)
    finally:
        gc.unfreeze()
        sys.modules.pop("only_here", None)


def test_with_nothing_new_garbage_is_not_set_apart() -> None:
    gc.unfreeze()
    with loading():
        import json  # noqa: F401
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize("searched", [True, False])
def test_an_error_leaves_the_search_as_it_was(searched: bool) -> None:
    (gc.enable if searched else gc.disable)()
    try:
        with pytest.raises(ImportError, match="nowhere"), loading():
            import bullbear.nowhere  # type: ignore[import-not-found]  # noqa: F401
        assert gc.isenabled() is searched
    finally:
        gc.enable()
