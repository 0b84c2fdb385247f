"""`groups.toml`: what a group may be, and the line of what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from bullbear.definitions.groups import read_groups
from bullbear.errors import DefinitionError
from bullbear.home import Home

LIST = """iShares Russell 2000 ETF
Fund Holdings as of,"May 05, 2026"

Ticker,Name,Sector,Asset Class,Market Value,Weight (%)
TTMI,TTM TECHNOLOGIES INC,Information Technology,Equity,"388,033",0.49
POR,"PORTLAND GENERAL, ELECTRIC",Utilities,Equity,"132,547",0.17
XTSLA,BLK CSH FND,Cash and/or Derivatives,Money Market,"9,000",1.20
RTYM6,RUSSELL 2000 EMINI,Cash and/or Derivatives,Futures,"-",0.00
 ,,,,,
"The content of this page is, legally, text."
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "groups.toml"
    path.write_text(text)
    return path


def test_a_fund_a_list_and_a_file_of_members(tmp_path: Path) -> None:
    (tmp_path / "members.csv").write_text(LIST)
    text = '[R2]\nfund = "IWM"\n[mine]\nfixed_on = 2026-05-05\ntickers = ["B", "A", "B"]\n'
    found = read_groups(written(tmp_path, text + '[day]\nfixed_on = "2026-05-05"\nmembers = "members.csv"\n'))
    assert list(found) == ["R2", "mine", "day"]
    assert (found["R2"].fund, found["R2"].fixed_on, found["R2"].lines) == ("IWM", None, ())
    assert (found["mine"].fixed_on, [line.ticker for line in found["mine"].lines]) == ("2026-05-05", ["B", "A"])
    ttmi, por = found["day"].lines  # cash and futures are no members
    assert (ttmi.ticker, ttmi.sector, ttmi.weight) == ("TTMI", "Information Technology", pytest.approx(0.0049))
    assert (por.ticker, por.name) == ("POR", "PORTLAND GENERAL, ELECTRIC")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[x]\nfund = "IWM"\ntickers = ["A"]', "groups.toml:1.*fund alone"),
        ('[x]\ntickers = ["A"]', "groups.toml:1.*fixed_on with tickers or members"),
        ('[x]\nfixed_on = "2026-05-05"\ntickers = []', "groups.toml:3"),
        ('[x]\nfixed_on = "2026-02-30"\ntickers = ["A"]', "groups.toml:2"),
        ('[x]\nfixed_on = "2026-05-05"\ntickers = ["../A"]', "groups.toml:3"),
        ('[x]\nfixed_on = "2026-05-05"\nmembers = "none.csv"', "groups.toml:3.*none.csv"),
        ('x = "IWM"', "groups.toml:1.*a table"),
        ('[x]\nfund = "IWM"\nkind = 1', "groups.toml:3"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(DefinitionError, match=told):
        read_groups(written(tmp_path, text))


def test_a_file_without_companies_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cash.csv").write_text("Ticker,Name,Sector\n-,USD CASH,Cash and/or Derivatives\n")
    with pytest.raises(DefinitionError, match=r"groups.toml:3.*cash.csv has none"):
        read_groups(written(tmp_path, '[x]\nfixed_on = "2026-05-05"\nmembers = "cash.csv"'))


def test_a_home_of_its_own_wins_over_what_is_packaged(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert home.groups()["IWM"].fund == "IWM"
    (home.root / "models").mkdir()
    (home.root / "models" / "groups.toml").write_text('[IWM]\nfixed_on = "2026-05-05"\ntickers = ["A"]\n')
    assert home.groups()["IWM"].fixed_on == "2026-05-05"
