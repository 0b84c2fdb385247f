from __future__ import annotations

import inspect
import pickle

import pytest

from bullbear import errors
from bullbear.errors import BullbearError, DefinitionError, Found, GateError, InputError

KINDS_OF_INPUT = [
    "DefinitionError",
    "SnapshotError",
    "NoDataError",
    "HistoryError",
    "RunError",
    "LedgerError",
    "TrialsError",
    "OpeningsError",
]


def test_a_message_answers_four_questions_in_one_line() -> None:
    bad = InputError("features/a.toml:7", "rsj", "a registered factor", "did you mean: rsi")
    assert str(bad) == "features/a.toml:7: got 'rsj'; allowed: a registered factor; did you mean: rsi"
    assert (bad.where, bad.value, bad.allowed, bad.remedy) == (
        "features/a.toml:7",
        "rsj",
        "a registered factor",
        "did you mean: rsi",
    )


def test_what_stands_in_the_place_of_a_value_is_not_quoted() -> None:
    bad = InputError("models/a.toml", Found("no such file"), "b", "choose one")
    assert str(bad) == "models/a.toml: no such file; allowed: b; choose one"
    assert str(pickle.loads(pickle.dumps(bad))) == str(bad)


def test_a_long_value_is_cut_to_120_characters() -> None:
    message = str(InputError("x", "a" * 500, "less", "shorten it"))
    assert message == "x: got '" + "a" * 116 + "...; allowed: less; shorten it"


def test_a_value_with_line_breaks_stays_on_one_line() -> None:
    assert "\n" not in str(InputError("x", "a\nb", "one line", "join them"))


@pytest.mark.parametrize("name", KINDS_OF_INPUT)
def test_wrong_inputs_exit_with_2(name: str) -> None:
    kind = getattr(errors, name)
    with pytest.raises(InputError, match=r"^here: got 3; allowed: four; count again$"):
        raise kind("here", 3, "four", "count again")
    assert kind.exit_code == 2


def test_a_gate_exits_with_3_and_is_no_wrong_input() -> None:
    bad = GateError("promotion", "skill -0.01 is below 0", "keep the champion")
    assert str(bad) == "refused by promotion: skill -0.01 is below 0; keep the champion"
    assert bad.exit_code == 3
    assert not isinstance(bad, InputError)


def test_every_class_is_a_bullbear_error_with_a_docstring_and_its_own_exit_code() -> None:
    classes = [
        c
        for _, c in inspect.getmembers(errors, inspect.isclass)
        if c.__module__ == "bullbear.errors" and c is not Found
    ]
    assert {c.__name__ for c in classes} == {
        "BullbearError", "InputError", "FetchError", "FitError", "GateError", "MissingExtraError", "ItemError",
        "ExecutionError", "HoldOutError", *KINDS_OF_INPUT,
    }  # fmt: skip
    assert all(issubclass(c, BullbearError) and c.__doc__ for c in classes)
    assert BullbearError.exit_code == 1
    assert DefinitionError.exit_code == 2
