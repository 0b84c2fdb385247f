"""Kinds that are computed from others: what a view says of one that nobody has registered."""

from pathlib import Path

import pytest

from bullbear.data import Store
from bullbear.data.derived import DERIVED
from bullbear.errors import InputError


def test_a_kind_that_is_not_registered_is_refused_with_what_registers_breadth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(DERIVED, "breadth", raising=False)
    view = Store(tmp_path / "data").as_of()
    with pytest.raises(InputError, match=r"kind: got 'breadth'.*import bullbear\.group\.breadth_table"):
        view.arrays("breadth", "IWM")


def test_breadth_is_served_once_its_module_is_imported(tmp_path: Path) -> None:
    import bullbear.group.breadth_table as table

    assert DERIVED[table.KIND].compute is table.breadth_of
    assert len(Store(tmp_path / "data").as_of().arrays(table.KIND, "IWM")) == 0
