"""The section on what the fund looks like inside, from the document of a small home."""

from types import SimpleNamespace

import pandas as pd
import pytest
from tests.group.homes import fill, market

from bullbear import sessions as exchange
from bullbear.home import Home
from bullbear.report.section import Bullets, Text
from bullbear.report.sections.group import Inside, group_section
from bullbear.report.tables import Table
from bullbear.workflows.report_data.group import inside


@pytest.fixture(scope="module")
def filled(once) -> Home:
    return Home(once("home of a group", fill))


def sources_at(home: Home, session: pd.Timestamp) -> SimpleNamespace:
    """What the section reads of the sources of a card."""
    close = exchange.closes(pd.DatetimeIndex([session]))[0]
    return SimpleNamespace(home=home, view=home.store().as_of(close), session=session, stored=None)


def test_the_section_shows_what_the_command_shows(filled: Home):
    found = inside(sources_at(filled, market().panel.sessions[-1]), "IWM")
    section = group_section(found)
    growth, sectors, movers = (block for block in section.blocks if isinstance(block, Table))
    assert growth.rows[0][0] == "price, a week"
    assert growth.rows[0][-1] == "28"
    assert [row[0] for row in sectors.rows] == ["Energy", "Financials", "Health Care"]
    assert movers.rows[-1][0] == "C004"
    assert movers.rows[-1][-1] == "suspected misprint"
    (said,) = (block for block in section.blocks if isinstance(block, Bullets))
    assert said.lines[-1] == "suspicious prices or volumes of the last 126 sessions, corrected or left out: 1"


def test_where_membership_is_not_known_the_section_says_why(filled: Home):
    found = inside(sources_at(filled, market().panel.sessions[90]), "IWM")
    (text,) = (block for block in group_section(found).blocks if isinstance(block, Text))
    assert "membership is not known at the close of" in text.text


def test_a_home_without_companies_has_no_such_section(tmp_path):
    home = Home(tmp_path)
    assert inside(sources_at(home, pd.Timestamp("2019-12-31")), "IWM") is None


def test_a_fund_without_a_group_of_its_name_has_none(filled: Home):
    assert inside(sources_at(filled, market().panel.sessions[-1]), "QQQ") is None


def test_nothing_known_is_written_as_words():
    section = group_section(Inside("IWM", None, "Not known: no list."))
    assert [block.text for block in section.blocks] == ["Not known: no list."]
