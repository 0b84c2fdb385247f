"""A CSV of real positions: what is read, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bullbear.decide.positions_file import Position, read_positions
from bullbear.errors import InputError

KNOWN = ("CASH", "IWM", "TWM")


def read(folder: Path, text: str) -> dict[str, Position]:
    path = folder / "mine.csv"
    path.write_bytes(text.encode())
    return read_positions(path, KNOWN)


def test_positions_are_read_by_ticker(tmp_path):
    assert read(tmp_path, "\ufeffShares,Ticker,Cost\r\n120,iwm,150.5\r\n\r\n0.5, TWM ,\r\n") == {
        "IWM": Position("IWM", 120.0, 150.5),
        "TWM": Position("TWM", 0.5),
    }
    assert read(tmp_path, "ticker,shares\n") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"mine\.csv:1: got ''; allowed: the columns ticker,shares and"),
        ("ticker,amount\nIWM,1\n", r"mine\.csv:1: got 'ticker,amount'"),
        ("ticker,shares,shares\nIWM,1,1\n", r"mine\.csv:1: got 'ticker,shares,shares'"),
        ("ticker,shares,lot\nIWM,1,1\n", r"mine\.csv:1: got 'ticker,shares,lot'"),
        ("ticker,shares\nIWM,1\nAAPL,1\n", r"mine\.csv:3 \(ticker\): got 'AAPL'; allowed: IWM, TWM; leave out what"),
        ("ticker,shares\nCASH,100\n", r"mine\.csv:2 \(ticker\): got 'CASH'; .*leave cash out"),
        ("ticker,shares\n,1\n", r"mine\.csv:2 \(ticker\): got ''"),
        ("ticker,shares\nIWM,-1\n", r"mine\.csv:2 \(shares\): got '-1'; allowed: a number from 0"),
        ("ticker,shares\nIWM,nan\n", r"mine\.csv:2 \(shares\): got 'nan'"),
        ("ticker,shares\nIWM,inf\n", r"mine\.csv:2 \(shares\): got 'inf'"),
        ("ticker,shares\nIWM,\n", r"mine\.csv:2 \(shares\): got ''"),
        ("ticker,shares\nIWM,many\n", r"mine\.csv:2 \(shares\): got 'many'"),
        ("ticker,shares,cost\nIWM,1,-5\n", r"mine\.csv:2 \(cost\): got '-5'"),
        ("ticker,shares\nIWM\n", r"mine\.csv:2: got 'IWM'; allowed: 2 cells: ticker,shares"),
        ("ticker,shares\nIWM,1,000\n", r"mine\.csv:2: got 'IWM,1,000'"),
        ("ticker,shares\nIWM,1\nIWM,2\n", r"mine\.csv:3 \(ticker\): got 'IWM'; allowed: one line for each ticker"),
        ('ticker,shares\n"IWM,1\n', r"mine\.csv: no CSV in UTF-8 that can be read"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, text)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: no such file; allowed: a CSV with"):
        read_positions(tmp_path / "none.csv", KNOWN)
    with pytest.raises(InputError, match="no CSV in UTF-8"):
        read_positions(tmp_path, KNOWN)
    (tmp_path / "mine.csv").write_bytes(b"ticker,shares\nIWM\xff,1\n")
    with pytest.raises(InputError, match="no CSV in UTF-8"):
        read_positions(tmp_path / "mine.csv", KNOWN)
