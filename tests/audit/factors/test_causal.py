"""A user's factor that looks ahead, declares too short a look-back, fails or returns a wrong shape is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.audit.mutants.factors import remembered

from bullbear.audit import require_causal
from bullbear.data.store import Store
from bullbear.definitions import FactorSpec
from bullbear.errors import DefinitionError
from bullbear.factors import compute
from bullbear.sessions import between
from bullbear.user_code import use_home

SPEC = FactorSpec(name="mine_5", function="mine", inputs={"bars": "$asset"})
DAYS = between("2019-01-02", "2019-06-28")
HEAD = "import numpy as np\nfrom bullbear.factors import Array, Bars, factor\n\n"


def use(tmp_path: Path, options: str, body: str) -> None:
    folder = tmp_path / "factors"
    folder.mkdir()
    declared = f'@factor(unit="ratio", {options})\ndef mine(bars: Bars) -> Array:\n    """A mine."""\n'
    (folder / "mine.py").write_text(HEAD + declared + f"    return {body}\n")
    use_home(tmp_path)


@pytest.mark.parametrize(
    ("options", "body", "message"),
    [
        ("lookback=1", "np.roll(bars.high - bars.low, -5)", "from what was known that day.; allowed: the same value"),
        ("lookback=1", "bars.close / bars.close.mean()", "from what was known that day.; allowed: the same value"),
        ("lookback=2, windowed=True", "np.cumsum(bars.close)", "from its look-back of 2 rows.*declare a longer"),
    ],
)
def test_what_reads_other_rows_than_it_may_is_refused(
    store: Store, tmp_path: Path, options: str, body: str, message: str
) -> None:
    use(tmp_path, options, body)
    with pytest.raises(
        DefinitionError, match=rf"^factors/mine\.py:4 \(mine_5\): got .* on 2019-\d\d-\d\d, .*{message}"
    ):
        require_causal(store, [SPEC], DAYS, "IWM")


@pytest.mark.parametrize("options", ["lookback=1", "lookback=1, windowed=True"])
def test_what_reads_its_own_row_passes(store: Store, tmp_path: Path, options: str) -> None:
    use(tmp_path, options, "bars.high / bars.low")
    require_causal(store, [SPEC], DAYS, "IWM")
    use_home(tmp_path / "nowhere")
    require_causal(store, [FactorSpec(name="x", function="rsi", inputs={"bars": "IWM"})], DAYS, "IWM")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("bars.hgh", r":7 \(mine_5\): got .AttributeError: .*no attribute 'hgh'.*allowed: code that runs"),
        ("bars.close[3:]", r":4 \(mine_5\): got .*shape \(\d+,\).*allowed: an array of numbers of shape \(\d+,\)"),
        ("list(bars.close)", r":4 \(mine_5\): got .*list.*allowed: an array of numbers of shape"),
    ],
)
def test_what_fails_is_named_with_its_line(store: Store, tmp_path: Path, body: str, message: str) -> None:
    use(tmp_path, "lookback=1", body)
    with pytest.raises(DefinitionError, match=r"^factors/mine\.py" + message):
        compute(store.as_of(), [SPEC], DAYS, "IWM")


def test_what_remembers_the_whole_history_of_its_first_call_is_refused(store: Store, tmp_path: Path) -> None:
    """A training computes the factor on all that is stored before it looks whether it looks ahead."""
    use(tmp_path, "lookback=1", remembered("mine"))
    compute(store.as_of(), [SPEC], DAYS, "IWM")
    with pytest.raises(DefinitionError, match=r"^factors/mine\.py:4 \(mine_5\): got .* from what was known that day"):
        require_causal(store, [SPEC], DAYS, "IWM")
