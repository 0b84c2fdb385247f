"""The table of predictions keeps its bits, its key and its columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullbear.dataset.predictions import COLUMNS, Predictions
from bullbear.errors import InputError

AT = pd.DatetimeIndex(["2024-01-02 21:00", "2024-01-03 21:00", "2024-01-04 21:00"], tz="UTC")


def three(**changes: object) -> Predictions:
    return Predictions.of(
        **{
            "decided_at": AT,
            "resolved_at": AT + pd.Timedelta(days=31),
            "asset": "IWM",
            "p": [0.1 + 0.2, 1 / 3, 0.0],
            "p_low": [0.1, 0.2, 0.0],
            "p_high": [0.5, 0.6, 1.0],
            "climatology": [0.6, np.nan, 0.5],
            "y": [1.0, 0.0, np.nan],
            **changes,
        }
    )


def test_columns_and_their_types() -> None:
    table = three().table
    assert tuple(table.columns) == COLUMNS
    assert COLUMNS == (
        "decided_at", "resolved_at", "asset", "question", "horizon", "member", "path",
        "p", "p_low", "p_high", "climatology", "y",
    )  # fmt: skip
    assert table["decided_at"].dtype == table["resolved_at"].dtype == "datetime64[us, UTC]"
    assert table.iloc[0][["asset", "question", "horizon", "member", "path"]].tolist() == [
        "IWM",
        "up",
        21,
        "combined",
        0,
    ]
    assert table["y"].tolist()[:2] == [1.0, 0.0]
    assert len(three().resolved()) == 2


def test_rows_are_sorted_by_the_key_and_selected_by_it() -> None:
    both = Predictions.concat([three(question="up"), three(question="dip8", horizon=63), three(asset="SPY", path=1)])
    assert both.table["decided_at"].is_monotonic_increasing
    assert both.table["asset"].tolist()[:3] == ["IWM", "IWM", "SPY"]
    assert both.table["question"].tolist()[:3] == ["dip8", "up", "up"]
    assert len(both) == 9
    assert len(both.select(question="dip8")) == len(both.select(horizon=63)) == len(both.select(path=1)) == 3
    assert len(both.select(asset="IWM")) == 6
    assert len(both.select(asset="IWM", question="up", member="combined")) == 3
    pd.testing.assert_frame_equal(both.select(asset="IWM", question="up").table, three().table)
    assert len(both.select(member="trees")) == 0
    assert len(Predictions.concat([])) == len(Predictions.none()) == 0
    assert tuple(Predictions.none().table.columns) == COLUMNS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p": [0.5, 1.5, 0.5]}, r"predictions\.p of 2024-01-03: got '1\.5'; allowed: a probability from 0 to 1"),
        ({"p": [0.5, np.nan, 0.5]}, r"predictions\.p of 2024-01-03: missing; allowed: a probability from 0 to 1"),
        *(
            (
                {name: [bad, np.nan, 0.0]},
                rf"predictions\.{name} of 2024-01-02: got '{bad}'; allowed: a probability .* or no",
            )
            for name in ("p_low", "p_high", "climatology")
            for bad in (-0.1, 1.1)
        ),
        (
            {"p": [0.5, 0.1, 0.5]},
            r"predictions\.p of 2024-01-03: got '0\.1'; allowed: a probability from p_low to p_high",
        ),
        (
            {"p": [0.6, 0.5, 0.5]},
            r"predictions\.p of 2024-01-02: got '0\.6'; allowed: a probability from p_low to p_high",
        ),
        ({"y": [0.0, 0.0, 2.0]}, r"predictions\.y of 2024-01-04: got '2\.0'; allowed: 0, 1 or nothing"),
        (
            {"resolved_at": AT},
            r"predictions\.resolved_at of 2024-01-02: got '2024-01-02 21:00:00\+00:00'; allowed: later than decided_at",
        ),
        ({"resolved_at": [AT[2], pd.NaT, AT[2]]}, r"predictions\.resolved_at of 2024-01-03: missing"),
        (
            {"decided_at": AT[[0, 0, 1]]},
            r"predictions\.key of 2024-01-02: got 'a second row'; allowed: one row for each decided_at, asset, ",
        ),
    ],
)
def test_what_is_no_prediction_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        three(**change)


def test_an_interval_may_be_unknown_and_may_be_a_point() -> None:
    assert len(three(p_low=np.nan, p_high=np.nan, climatology=np.nan)) == 3
    assert len(three(p_low=[0.4, np.nan, 0.0], p_high=np.nan, p=[0.4, 0.5, 1.0])) == 3
    assert len(three(p=0.5, p_low=0.5, p_high=0.5)) == 3


def test_a_table_made_elsewhere_is_checked() -> None:
    table = three().table
    with pytest.raises(InputError, match=r"predictions: got 'no column member'; allowed: decided_at, resolved_at, "):
        Predictions(table.drop(columns="member"))
    with pytest.raises(
        InputError, match=r"predictions: got 'unsorted rows'; allowed: rows sorted by decided_at, asset"
    ):
        Predictions(table[::-1])
    with pytest.raises(
        InputError, match=r"predictions\.decided_at: got 'datetime64\[ns, UTC\]'; allowed: datetime64\[us"
    ):
        Predictions(table.assign(decided_at=table["decided_at"].astype("datetime64[ns, UTC]")))
    # Another order of columns and another index are put right.
    pd.testing.assert_frame_equal(Predictions(table[table.columns[::-1]].set_axis([5, 6, 7])).table, table)


NUMBERS = st.floats(0.0, 1.0, allow_subnormal=True)


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 10**15), NUMBERS, NUMBERS | st.just(np.nan), st.sampled_from([0.0, 1.0, np.nan])),
        max_size=5,
        unique_by=lambda row: row[0],
    ),
    asset=st.sampled_from(["IWM", "^RUT", "NA", "nan", "BRK,B", "null"]),
    path=st.integers(0, 4),
)
def test_csv_keeps_every_bit(rows, asset: str, path: int) -> None:
    decided = pd.to_datetime([row[0] for row in rows], unit="us", utc=True)
    made = Predictions.of(
        decided_at=decided, resolved_at=decided + pd.Timedelta(microseconds=1), asset=asset, path=path,
        p=[row[1] for row in rows], climatology=[row[2] for row in rows], y=[row[3] for row in rows],
    )  # fmt: skip
    back = Predictions.from_csv(made.to_csv())
    pd.testing.assert_frame_equal(back.table, made.table, check_exact=True)
    for name in ("p", "climatology", "y"):
        assert back.table[name].to_numpy().tobytes() == made.table[name].to_numpy().tobytes()


def test_a_csv_without_a_column_is_refused() -> None:
    text = three().to_csv().replace("member", "expert")
    with pytest.raises(InputError, match="predictions: got 'no column member'"):
        Predictions.from_csv(text)


def test_the_interface_is_that_of_the_command() -> None:
    assert three().interface_csv() == (
        "decided_at,resolved_at,p,p_low,p_high,climatology,y\n"
        "2024-01-02T21:00:00Z,2024-02-02T21:00:00Z,0.30000000000000004,0.1,0.5,0.6,1\n"
        "2024-01-03T21:00:00Z,2024-02-03T21:00:00Z,0.3333333333333333,0.2,0.6,,0\n"
        "2024-01-04T21:00:00Z,2024-02-04T21:00:00Z,0.0,0.0,1.0,0.5,\n"
    )
    both = Predictions.concat([three(), three(question="dip8")])
    with pytest.raises(InputError, match=r"predictions\.question: got 'dip8, up'; allowed: one value; select one"):
        both.interface_csv()
