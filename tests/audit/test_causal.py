"""A user's factor that looks ahead, declares too short a look-back, fails or returns a wrong shape is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.audit import require_causal
from bullbear.data.store import Store
from bullbear.definitions import FactorSpec
from bullbear.errors import DefinitionError
from bullbear.factors import compute, registered
from bullbear.sessions import between, closes
from bullbear.user_code import use_home

SPEC = FactorSpec(name="mine_5", function="mine", inputs={"bars": "$asset"})
DAYS = between("2019-01-02", "2019-06-28")
HEAD = "import numpy as np\nfrom bullbear.factors import Array, Bars, factor\n\n"


@pytest.fixture(autouse=True)
def _no_home(tmp_path: Path) -> Iterator[None]:
    yield
    use_home(tmp_path / "nowhere")
    registered()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    place = Store(tmp_path / "data")
    price = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.01, len(DAYS))))
    bars = {"series": "IWM", "event_date": DAYS, "known_at": closes(DAYS), "open": price, "high": 1.01 * price}
    place.append("bars", pd.DataFrame({**bars, "low": price, "close": price, "adj_close": price, "volume": 1e6}))
    return place


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
