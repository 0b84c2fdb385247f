"""`bullbear factors` as a user meets it: the list, one factor and its picture, the levels of a close, mistakes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bullbear.home import Home

Run = Callable[..., Any]
State = Callable[[Path], dict[str, tuple[int, int]]]
BULLBEAR = str(Path(sys.executable).with_name("bullbear"))

ENTRY = {"name", "feature_set", "family", "function", "params", "inputs", "lookback", "unit", "sign", "summary",
         "first", "missing", "latest"}  # fmt: skip
CHART = {"ticker", "as_of", "last_bar", "simulated", "close", "atr", "window_from", "levels", "channel", "patterns",
         "breaks", "plot"}  # fmt: skip
LEVEL = {"price", "band", "kind", "distance", "touches", "high_touches", "strength", "first_touch", "known_from",
         "last_touch", "turned_on", "touched"}  # fmt: skip


def test_the_list_of_all_says_what_is_waited_for_and_that_the_market_is_simulated(
    bullbear: Run, trained_home: Home
) -> None:
    answer = bullbear("factors", "--home", trained_home.root)
    assert answer.code == 0
    assert answer.err == "computing every factor at every close of the store\n"
    assert "factors (SIMULATED market)" in answer.out
    assert "│ rsi_14 " in answer.out
    assert "…" not in answer.out  # nothing is cut in a pipe
    entries = bullbear("factors", "--home", trained_home.root, "--json")
    assert (entries.code, entries.err) == (0, "")
    assert all(set(each) == ENTRY for each in entries.json)
    assert len(entries.json) > 200


def test_one_family(bullbear: Run, trained_home: Home) -> None:
    answer = bullbear("factors", "--family", "regime", "--home", trained_home.root, "--json")
    assert (answer.code, answer.err) == (0, "")
    assert {each["family"] for each in answer.json} == {"regime"}
    assert "rsi" not in bullbear("factors", "--family", "regime", "--home", trained_home.root).out


def test_one_factor_is_told_in_full(bullbear: Run, trained_home: Home) -> None:
    answer = bullbear("factors", "rsi_14", "--home", trained_home.root)
    assert (answer.code, answer.err) == (0, "")
    for part in (
        "SIMULATED",
        "rsi(window=14)",
        "features/technical.toml, family technical",
        "bars = IWM",
        "never missing",
        "Rows of the window, the current one included",
    ):
        assert part in answer.out
    (entry,) = bullbear("factors", "rsi_14", "--home", trained_home.root, "--json").json
    assert (entry["name"], entry["params"]) == ("rsi_14", {"window": 14})
    assert 0.0 < entry["latest"] < 100.0


def test_one_factor_is_drawn(bullbear: Run, home: Home) -> None:
    answer = bullbear("factors", "rsi_14", "--plot", "--home", home.root)
    path = home.reports / "factors" / "rsi_14.png"
    assert (answer.code, answer.out, answer.err) == (0, f"{path}\n", "")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert bullbear("factors", "rsi_14", "--plot", "--home", home.root, "--json").json == {"plot": str(path)}


def test_an_empty_home_lists_what_there_would_be(bullbear: Run, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    answer = bullbear("factors", "--family", "regime", "--home", tmp_path / "home")
    assert answer.code == 0
    assert "no data" in answer.out
    assert "the store is empty: run `bullbear simulate` or `bullbear ingest DIR`" in answer.err
    assert list((tmp_path / "home").iterdir()) == []


def test_the_levels_of_a_close_are_told_and_drawn(bullbear: Run, home: Home) -> None:
    answer = bullbear("factors", "--levels", "--as-of", "2006-09-04", "--home", home.root)  # Labor Day
    path = home.reports / "levels" / "IWM-2006-09-01.png"
    note = "note: the exchange was closed on Mon 4 Sep 2006: the answer is that of the close before, Fri 1 Sep 2006"
    assert (answer.code, answer.err) == (0, f"{note}\n{path}\n")
    picture = path.read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert b"SIMULATED" in picture
    assert "IWM levels at the close of 2006-09-01  SIMULATED" in answer.out
    for part in ("known from", "resistance", "support", "close", "Trend channel", "In dollars of that close"):
        assert part in answer.out
    assert max(map(len, answer.out.splitlines())) <= 120
    bullbear("factors", "--levels", "--as-of", "2006-09-01", "--home", home.root)
    assert path.read_bytes() == picture


def test_the_levels_as_json(bullbear: Run, home: Home) -> None:
    answer = bullbear("factors", "--levels", "--ticker", "SPY", "--home", home.root, "--json")
    assert (answer.code, answer.err) == (0, "")
    told = answer.json
    assert set(told) == CHART
    assert (told["ticker"], told["as_of"], told["simulated"]) == ("SPY", "2007-12-31", True)
    assert Path(told["plot"]) == home.reports / "levels" / "SPY-2007-12-31.png"
    assert Path(told["plot"]).stat().st_size > 20_000
    prices = [level["price"] for level in told["levels"]]
    assert len(prices) > 5
    assert prices == sorted(prices, reverse=True)
    for level in told["levels"]:
        assert set(level) == LEVEL
        assert level["first_touch"] < level["known_from"] <= told["as_of"]
        assert level["touches"] == len(level["touched"])
        assert level["distance"] == pytest.approx((level["price"] - told["close"]) / told["atr"])
        assert all(touch["session"] >= told["window_from"] for touch in level["touched"])
    assert {each["stage"] for each in told["breaks"]} <= {"broken", "retested", "held", "undone"}


MISTAKES = [
    (["rsi14"], "factor: got 'rsi14'; allowed: rsi_14"),
    (["rsi14", "--plot"], "factor: got 'rsi14'; allowed: rsi_14"),
    (["--plot"], "--plot: no factor"),
    (["short_days_to_cover", "--plot", "--ticker", "SPY"], "--ticker: got 'SPY'; allowed: only together with --levels"),
    (["--family", "level"], "--family: got 'level'; allowed: technical, volatility"),
    (["rsi_14", "--family", "technical"], "--family: got 'technical'; allowed: only without NAME"),
    (["--as-of", "2006-06-01"], "--as-of: got '2006-06-01'; allowed: only together with --levels"),
    (["rsi_14", "--levels"], "NAME: got 'rsi_14'; allowed: not together with --levels"),
    (["--levels", "--plot"], "--plot: got True; allowed: not together with --levels"),
    (["--levels", "--as-of", "1/2/2006"], "--as-of: got '1/2/2006'; allowed: a day as YYYY-MM-DD"),
    (["--levels", "--as-of", "2006-02-30"], "date: got '2006-02-30'"),
    (
        ["--levels", "--as-of", "1999-12-31"],
        "--as-of: got '1999-12-31'; allowed: 2000-01-03 to 2007-12-31, the bars of IWM",
    ),
    (["--levels", "--as-of", "2008-01-31"], "--as-of: got '2008-01-31'"),
    (["--levels", "--as-of", "2001-06-01"], "history of IWM by 2001-06-01: got '357 sessions'; allowed: at least 523"),
    (["--levels", "--ticker", "ZZZ"], "--ticker: got 'ZZZ'; allowed: a ticker listed by"),
    (["--levels", "--ticker", "../IWM", "--json"], "--ticker: got '../IWM'; allowed: a ticker listed by"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=[" ".join(each) for each, _ in MISTAKES])
def test_a_mistake_is_one_line_and_changes_nothing(
    bullbear: Run, state: State, trained_home: Home, arguments: list[str], message: str
) -> None:
    before = state(trained_home.root)
    answer = bullbear("factors", *arguments, "--home", trained_home.root)
    assert answer.code == 2
    assert answer.mistake.startswith(f"bullbear: {message}")
    assert state(trained_home.root) == before


def test_the_levels_of_an_empty_home(bullbear: Run, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    answer = bullbear("factors", "--levels", "--home", tmp_path / "home")
    assert answer.code == 2
    assert "nothing stored" in answer.mistake
    assert list((tmp_path / "home").iterdir()) == []


def test_a_narrow_terminal_folds_no_line(trained_home: Home) -> None:
    leader, follower = pty.openpty()
    done = subprocess.Popen(
        [BULLBEAR, "factors", "--family", "regime", "--home", str(trained_home.root)],
        stdout=follower, stderr=subprocess.PIPE, env={**os.environ, "COLUMNS": "80", "TERM": "dumb"},
    )  # fmt: skip
    os.close(follower)
    shown = b""
    try:
        while part := os.read(leader, 65536):
            shown += part
    except OSError:  # how Linux tells that the other side has closed
        pass
    assert done.wait(timeout=60) == 0
    lines = [line for line in shown.decode().splitlines() if line.startswith("│")]
    names = [line.split("│")[1].strip() for line in lines]
    assert len(names) > 5
    assert all(names)
    assert max(map(len, lines)) <= 80


def test_the_list_needs_neither_the_models_nor_the_plots(trained_home: Home) -> None:
    code = (
        "import sys, json; from bullbear.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "sys.stderr.write(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "factors", "rsi_14", "--home", str(trained_home.root)],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "rsi(window=14)" in done.stdout
    assert not {"matplotlib", "mlflow"} & set(json.loads(done.stderr))
