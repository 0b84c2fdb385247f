"""What the sections below the forecast say of plain data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.report.sections import samples

from bullbear.report.charts import Chart, Hundredths
from bullbear.report.section import Block, Bullets, Details, Grid, Section, Text
from bullbear.report.sections.account import account_section, monthly_returns, scaled
from bullbear.report.sections.dashboards import dashboards_section
from bullbear.report.sections.freshness import freshness_section
from bullbear.report.sections.ledger import LedgerRecord, ledger_section
from bullbear.report.sections.models import ComparedModels, models_section
from bullbear.report.sections.odds import OddsTable, odds_section
from bullbear.report.sections.short_selling import ShortSelling, short_selling_section
from bullbear.report.tables import Table


def _flat(blocks: Sequence[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        if isinstance(block, Details | Grid):
            yield from _flat(block.blocks)


def _texts(section: Section) -> list[str]:
    return [block.text for block in _flat(section.blocks) if isinstance(block, Text)]


def _tables(section: Section) -> list[Table]:
    return [block for block in _flat(section.blocks) if isinstance(block, Table)]


def _chart(section: Section, name: str) -> Chart:
    (found,) = [chart for chart in section.charts if chart.id == name]
    return found


def test_the_account_says_what_it_made_and_how_far_it_fell() -> None:
    section = account_section(samples.tested())
    texts = _texts(section)
    assert texts[0] == (
        "From 15 Nov 2018 to 31 Dec 2019 the policy made 100 into 120, buy and hold made it 130; its maximum "
        "drawdown was -10 %, against 0 %."
    )
    assert (
        "0.20 above that of buy and hold (90 % interval -0.10 to +0.50): luck may explain the difference." in texts[2]
    )
    assert "below that of" not in texts[3]
    assert "above that of the policy on the base rate" in texts[3]
    assert texts[3].endswith("(90 % interval +0.10 to +0.50): more than luck explains.")


def test_profit_stands_by_source() -> None:
    profit = _tables(account_section(samples.tested()))[1]
    assert profit.rows == (
        ("bull, IWM", "+10.0 %", "+5.0 %", "+15.0 %"),
        ("costs", "", "", "-1.0 %"),
        ("total", "", "", "+14.0 %"),
    )


def test_months_are_shaded_by_their_return() -> None:
    months = _tables(account_section(samples.tested()))[2]
    assert months.head == (
        "year",
        "Jan",
        "Feb",
        "Mar",
        "Apr",
        "May",
        "Jun",
        "Jul",
        "Aug",
        "Sep",
        "Oct",
        "Nov",
        "Dec",
        "year",
    )
    assert [row[0] for row in months.rows] == ["2019", "2018"]
    equity = samples.tested().equity["policy"]
    march = equity[:"2019-03-31"].iloc[-1] / equity[:"2019-02-28"].iloc[-1] - 1.0
    assert months.rows[0][3] == f"{100 * march:+.1f}"
    assert months.tone(0, 3).startswith("tone-")
    assert months.rows[1][1] == ""
    assert months.tone(1, 1) == ""
    assert months.tone(1, 12).startswith("tone")


def test_the_months_of_a_year_multiply_to_its_return() -> None:
    equity = pd.Series(np.exp(np.cumsum(np.sin(np.arange(len(samples.DAYS))) / 100)), index=samples.DAYS)
    table = monthly_returns(equity)
    assert np.prod(1.0 + table.loc[2019, list(range(1, 13))]) - 1.0 == pytest.approx(table.loc[2019, "year"])
    assert np.prod(1.0 + table["year"]) == pytest.approx(equity.iloc[-1] / equity.iloc[0])


def test_trades_are_marked_on_the_line_with_their_reasons_and_listed_newest_first() -> None:
    section = account_section(samples.tested())
    tables = _tables(section)
    assert tables[4].rows[0][0] == str(f"{samples.DAYS[134]:%-d %b %Y}")
    assert tables[5].rows[0][1:] == ("Bear", "stopped out of RWM, 10 % to 0 % at 270.00", "Reason 120.")
    traces = {trace["name"]: trace for trace in _chart(section, "equity").figure["data"]}
    assert list(traces["sold"]["x"]) == [samples.DAYS[120]]
    assert traces["sold"]["text"] == ["stopped out of RWM, 10 % to 0 % at 270.00<br>reason 120"]
    assert traces["sold"]["y"][0] == 100 * samples.tested().equity["policy"].iloc[120]
    assert "RWM, weight" in traces
    assert traces["60/40"]["visible"] == "legendonly"


def test_growth_beyond_what_sixteen_bits_hold_is_drawn_as_it_is() -> None:
    few, many = (scaled(pd.Series([1.0, last])) for last in (3.25, 9.5))
    assert isinstance(few, Hundredths)
    assert few.values.tolist() == [100.0, 325.0]
    assert isinstance(many, np.ndarray)
    assert many.tolist() == [100.0, 950.0]


def test_a_policy_without_trades_says_so() -> None:
    section = account_section(replace(samples.tested(), trades=()))
    assert "The policy has not traded." in _texts(section)
    assert "bought" not in [trace["name"] for trace in _chart(section, "equity").figure["data"]]


def test_short_interest_is_drawn_by_publication() -> None:
    section = short_selling_section(samples.short_selling())
    assert _texts(section) == [
        "60.0 million shares of IWM were sold short on 13 Dec 2019, 3.0 days of average volume, 25 % of the shares "
        "outstanding, published on 26 Dec 2019. 1 of the counts shown were changed by a later publication."
    ]
    (trace,) = _chart(section, "short-shares-short").figure["data"]
    assert list(trace["x"].strftime("%Y-%m-%d")) == ["2019-11-26", "2019-12-10", "2019-12-26"]
    assert trace["y"].tolist() == [50.0, 55.0, 60.0]


def test_without_data_of_short_selling_there_is_one_sentence_each() -> None:
    section = short_selling_section(ShortSelling("IWM", None, 0, None, 5))
    assert _texts(section) == ["The data hold no short interest of IWM.", "The data hold no short volume of IWM."]
    assert section.charts == ()


def test_a_measure_that_no_publication_has_is_not_drawn() -> None:
    found = samples.short_selling()
    assert found.interest is not None
    section = short_selling_section(replace(found, interest=found.interest.assign(share_outstanding=np.nan)))
    assert [chart.id for chart in section.charts] == ["short-shares-short", "short-days-to-cover", "short-volume"]
    assert "outstanding" not in _texts(section)[0]


def test_a_gauge_says_its_value_and_where_it_stands() -> None:
    section = dashboards_section(samples.boards())
    chart = _chart(section, "gauge-vix")
    assert chart.title == "VIX: 14.8 %"
    assert chart.caption == "Higher than on 36 % of days since 2000. What it is."
    assert samples.gauge(percentile=1.0).stands == "the highest since 2000"
    assert samples.gauge(percentile=0.0).stands == "the lowest since 2000"
    assert "Without data: Sahm rule." in _texts(section)
    assert "The data hold none of its series." in _texts(section)
    (bars,) = _chart(section, "bars-sectors").figure["data"]
    assert (bars["y"], bars["x"]) == (["BANKS", "ENERGY"], [-2.0, 5.0])


def test_odds_beyond_luck_come_in_words_and_shaded() -> None:
    section = odds_section(samples.odds())
    assert [block.lines for block in section.blocks if isinstance(block, Bullets)] == [["The statement of breakout."]]
    active, others = _tables(section)
    assert [row[1] for row in active.rows] == ["Breakout happened"]
    assert active.rows[0][2:] == ("rise 60 % (40 % to 80 %)", "58 %", "1.03", "12 of 20 (9.5)", "0.04")
    assert active.tone(0, 6) == "tone3"
    assert others.rows[1][2:] == ("rise –", "–", "–", "0", "–")
    assert others.tone(0, 6) == ""


def test_without_odds_beyond_luck_one_sentence_says_so() -> None:
    odds = (samples.odds_document("cross", 0.7, active=False),)
    texts = _texts(odds_section(OddsTable("IWM", 21, odds)))
    assert "None of these odds is beyond what luck explains." in texts
    assert "No event is active at this close." in texts
    assert _texts(odds_section(OddsTable("IWM", 21, (), "Too little history."))) == ["Too little history."]


def test_models_stand_by_question_with_intervals_and_verdicts() -> None:
    section = models_section(samples.models())
    overview, of_up, of_dip = _tables(section)
    assert overview.rows[0] == ("up", "The return is positive.", "2", "lightgbm +4.00 %", "lightgbm", "+4.00 %",
                                "+1.00 % to +7.00 %")  # fmt: skip
    assert overview.rows[1][4:] == ("none: the base rate", "–", "–")
    assert of_up.rows[0] == ("lightgbm aaaaaaaa (champion)", "+4.00 %", "+1.00 % to +7.00 %", "+3.00 %", "50",
                             "champion: it passed")  # fmt: skip
    assert (of_up.tone(0, 1), of_up.tone(1, 1), of_dip.tone(0, 1)) == ("tone2", "tone-2", "")
    (beliefs,) = [block.lines for block in _flat(section.blocks) if isinstance(block, Bullets)]
    assert beliefs == ["Logistic bbbbbbbb: a = 0.10 at the last fit."]
    assert len(_chart(section, "grown-up").figure["data"]) == 2
    assert not [chart for chart in section.charts if chart.id == "grown-dip8"]


def test_the_base_rate_as_a_model_has_no_interval() -> None:
    (up, dip) = samples.models().questions
    base = replace(up.models[1], bss=0.0, low=0.0, high=0.0)
    found = models_section(ComparedModels((replace(up, models=(base,)), dip), judged=True))
    assert _tables(found)[1].rows[0][1:3] == ("+0.00 %", "is the base rate")


def test_records_too_short_for_a_month_have_no_curve() -> None:
    (up, dip) = samples.models().questions
    short = replace(up, cumulative=dict.fromkeys(up.cumulative, pd.Series(dtype=float)))
    assert "grown-up" not in {chart.id for chart in models_section(ComparedModels((short, dip), judged=True)).charts}


def test_a_report_on_an_early_close_has_no_verdicts() -> None:
    section = models_section(replace(samples.models(), judged=False))
    assert all("verdict" not in table.head for table in _tables(section))
    assert any("left out" in text for text in _texts(section))
    unread = models_section(replace(samples.models(), unread="mlflow.db: got 'file is not a database'"))
    assert "could not be read, so champions alone are shown: mlflow.db: got" in unread.blocks[0].text
    assert not any("models answer" in each.text for each in unread.blocks if isinstance(each, Text))
    counted = models_section(replace(samples.models(), tried={"up": 1200, "dip8": 3}))
    assert any(text.endswith("but not the base rate: up 1,200, dip8 3.") for text in _texts(counted))
    nothing = models_section(ComparedModels((), judged=True))
    assert _texts(nothing) == ["No run of this home is tracked, so there is nothing to compare."]


def test_the_ledger_tells_live_forecasts_from_replays() -> None:
    section = ledger_section(samples.ledger())
    scores, chances, newest, older = _tables(section)
    assert scores.rows == (("up", "10", "2", "7", "61 %", "100 %", "+2.0 %", "-10.0 % to +15.0 %", "1", "–"),)
    assert chances.rows == (("60 to 80 %", "2", "61 %", "100 %"),)
    assert newest.rows[0] == ("12 Dec 2019", "2019-12-12 21:30 UTC", "live, repeated", "61.0 %", "60.0 %",
                              "12 Jan 2020", "open", "climatology")  # fmt: skip
    assert older.rows[-1][2] == "replay"
    assert older.rows[-2][6] == "rose"
    empty = LedgerRecord({"statement": "No forecasts yet.", "questions": [], "forecasts": []}, {}, ())
    assert _tables(ledger_section(empty)) == []


def test_what_is_stale_or_absent_of_what_is_read_is_named_first() -> None:
    section = freshness_section(samples.freshness())
    assert (
        _texts(section)[0]
        == "Stale or absent, of 2 series that champions or their policies read: IWM (short interest)."
    )
    read, rest = _tables(section)
    assert [row[:3] for row in read.rows] == [("IWM", "absent", "–"), ("IWM", "fresh", "0")]
    assert read.tone(0, 1) == "tone-4"
    assert rest.rows[0][:4] == ("NAPM", "stale", "400", "108")
    fresh = [row for row in samples.freshness() if not row.stale]
    assert _texts(freshness_section(fresh))[0].startswith("All 1 series")
