"""What an answer of EDGAR adds to stored figures, and what was asked."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.data.companies.filed_facts import AskedFile, new_facts
from bullbear.data.providers.edgar import Profile, no_facts

NOW = pd.Timestamp("2024-03-08 23:30", tz="UTC")


def facts(*rows: tuple[str, str, float]) -> pd.DataFrame:
    """Total assets at the end of a day, by filing day and value."""
    frame = pd.DataFrame(rows, columns=["event_date", "known_at", "value"])
    frame = frame.assign(
        concept="total_assets", start_date=pd.NaT, unit="USD", form="10-Q",
        event_date=pd.to_datetime(frame["event_date"]), known_at=pd.to_datetime(frame["known_at"] + "T22:00", utc=True),
    )  # fmt: skip
    return frame.astype(no_facts().dtypes)[no_facts().columns]


def stored_after(stored: pd.DataFrame, answer: pd.DataFrame, now: pd.Timestamp = NOW) -> pd.DataFrame:
    return pd.concat([stored, new_facts(stored, answer, now)[0]], ignore_index=True)


def test_a_repeated_value_is_left_out_and_a_restated_one_is_not() -> None:
    stored = facts(("2023-09-30", "2023-11-03", 100.0))
    answer = facts(("2023-09-30", "2023-11-03", 100.0), ("2023-09-30", "2024-02-20", 90.0))
    rows, contradicting = new_facts(stored, answer, NOW)
    assert (rows["value"].tolist(), contradicting) == ([90.0], 0)


def test_another_value_of_the_same_filing_day_is_known_from_now_on_and_once() -> None:
    stored = facts(("2023-09-30", "2023-11-03", 100.0))
    answer = facts(("2023-09-30", "2023-11-03", 101.0))
    rows, contradicting = new_facts(stored, answer, NOW)
    assert (rows["value"].tolist(), rows["known_at"].tolist(), contradicting) == ([101.0], [NOW], 1)
    assert new_facts(stored_after(stored, answer), answer, NOW + pd.Timedelta("7D"))[0].empty


def test_a_figure_of_today_is_known_when_it_arrives_and_not_stored_again_tomorrow() -> None:
    now = pd.Timestamp("2024-03-08 20:30", tz="UTC")
    answer = facts(("2023-12-31", "2024-03-08", 100.0))
    once = stored_after(no_facts(), answer, now)
    assert once["known_at"].tolist() == [now]
    assert new_facts(once, answer, NOW + pd.Timedelta("1D"))[0].empty


FILED = st.tuples(
    st.sampled_from(["2023-06-30", "2023-09-30"]),
    st.sampled_from(["2023-11-03", "2023-11-06", "2024-02-20"]),
    st.sampled_from([90.0, 100.0]),
)


ANSWER = st.lists(FILED, min_size=1, max_size=4, unique_by=lambda row: row[:2])


@settings(max_examples=8)
@given(ANSWER, ANSWER)
def test_an_answer_that_is_stored_adds_nothing_and_never_a_second_value_at_one_instant(
    before: list[tuple[str, str, float]], told: list[tuple[str, str, float]]
) -> None:
    stored = stored_after(no_facts(), facts(*before))
    stored = stored_after(stored, facts(*told))
    assert not stored.duplicated(["event_date", "known_at"]).any()
    later = NOW + pd.Timedelta("7D")
    again = stored_after(stored, facts(*told), later)
    assert not again.duplicated(["event_date", "known_at"]).any()
    assert len(stored_after(again, facts(*told), later + pd.Timedelta("7D"))) == len(again)


def test_what_was_asked_is_read_back_and_a_damaged_file_asks_again(tmp_path: Path) -> None:
    profile = Profile("0000001000", ("Alder", "Elder"), ("AAA",), ("NYSE",), pd.Timestamp("2024-02-01"), "7")
    asked = AskedFile(tmp_path)
    assert asked.note(profile, NOW).is_behind
    asked.stored(profile.cik)
    asked.write()
    again = AskedFile(tmp_path)
    assert again.profiles == {"0000001000": profile}
    assert not again.is_due(profile.cik, NOW + pd.Timedelta("6D"), 7)
    assert again.is_due(profile.cik, NOW + pd.Timedelta("7D"), 7)
    (tmp_path / "edgar.json").write_text('{"0000001000": {"at": 3}}')
    assert AskedFile(tmp_path).is_due(profile.cik, NOW, 7)
