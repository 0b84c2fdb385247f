"""A year of evenings: fetched, refitted, forecast and scored day by day, it equals the walk-forward and the backtest.

The live path and the evaluated path are two programs over one market. Whatever happens on the way - a late bar, a
missing one, a split, a correction, a week away, two promotions - they must say the same to the last bit, and every
entry of the ledger must replay from what the store held when it was made.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear import sessions
from bullbear.audit.checks import as_stored, execution
from bullbear.audit.result import PASSED
from bullbear.audit.subject import FULL, QUICK
from bullbear.data.fetching import fetch_all
from bullbear.dataset.predictions import Predictions
from bullbear.decide import Book, backtest
from bullbear.definitions import Target
from bullbear.evaluate.scores import brier
from bullbear.forecasting.advised import Advised
from bullbear.forecasting.champions import others_of
from bullbear.forecasting.close import close_of
from bullbear.forecasting.forecast import forecast_at
from bullbear.forecasting.ledger import Ledger, of_question
from bullbear.forecasting.refitting import continued
from bullbear.forecasting.scoring import score_ledger
from bullbear.home import Home
from bullbear.settings import settings_of
from bullbear.tracking import Runs
from bullbear.workflows.auditing import subject_of
from bullbear.workflows.evening import run_evening
from bullbear.workflows.training import train_model

sys.path.insert(0, str(Path(__file__).parent))
from evenings import Incidents, Provider, numbers_of, served

FILES = {
    "features/waves.toml": """
name = "waves"
why = "Two factors of the fund itself."
[[factor]]
name = "roc_21"
function = "roc"
inputs = { bars = "IWM" }
params = { window = 21 }
[[factor]]
name = "rsi_14"
function = "rsi"
inputs = { bars = "IWM" }
params = { window = 14 }
""",
    "models/line.toml": """
name = "line"
intent = "A line through two factors, refitted every month."
features = ["waves"]
[target]
horizon = 10
[learner]
kind = "logistic"
penalty = 5.0
""",
    "models/base.toml": """
name = "base"
intent = "The base rate, refitted every month."
[target]
horizon = 10
[learner]
kind = "climatology"
""",
}
SHARED = """
[splitter]
first = "2018-04-01"
burn_in_months = 6
[policy]
bull_above = 0.52
bear_below = 0.48
bear_weight = 0.3
stop_atr_multiple = 3.0
"""


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text).as_unit("us")


@dataclasses.dataclass
class Year:
    home: Home
    provider: Provider
    incidents: Incidents
    entries: list[dict]
    runs: dict[str, str]  # run id to model
    away: pd.DatetimeIndex


def live(
    root: Path, first: str, last: str, incidents: Incidents, away: tuple[str, str], promote: dict[str, str]
) -> Year:
    """Every evening from `first` to `last` but those `away`; a model of `promote` is trained and promoted before it."""
    home = Home(root)
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text + (SHARED if path.startswith("models/") else ""))
    provider = Provider("2016-01-04", "2020-06-30", incidents, seed=5)
    runs: dict[str, str] = {}
    away_days = sessions.between(*away)
    with served(provider) as url:
        (root / "bullbear.toml").write_text(
            f'[fetch]\nstart = 2016-01-04\nprices = ["IWM", "TWM"]\nindices = []\nmacro = []\nvintages = []\n'
            f'short_interest = []\nshort_volume = []\nholdings = []\n[http]\npause = 0.0\n[urls]\nyahoo = "{url}"\n'
        )
        settings = settings_of(root)
        for session in sessions.between(first, last):
            if session in away_days:
                continue
            provider.today = session
            provider.now = now = sessions.closes(pd.DatetimeIndex([session]))[0] + pd.Timedelta(minutes=90)
            name = promote.get(str(session.date()))
            if name:
                report = fetch_all(home.store(), settings, now)
                assert report.failures == [], report.failures
                run_id = train_model(home, name).run_id
                runs[run_id] = name
                store = Runs(home)
                store.promote(store.find(run_id))
            evening = run_evening(home, report=False, now=now)
            assert [step.error for step in evening.steps if step.error] == []
            came = session not in (incidents.late, incidents.missing)
            assert (evening.is_new, evening.exit_code) == ((True, 0) if came else (False, 2)), session
    entries = of_question(Ledger(home.forecasts / "ledger.jsonl").entries())
    return Year(home, provider, incidents, entries, runs, away_days)


@pytest.fixture(scope="module", autouse=True)
def _no_pictures() -> Iterator[None]:
    # Nothing here looks at those of a training.
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_plots", "_plots_of_all"):
            patch.setattr(f"bullbear.workflows.training.{name}", lambda *data, **options: {})
        yield


@pytest.fixture(scope="module")
def year(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Year:
    """Seven weeks in the ordinary suite, the whole year among the slow checks."""
    root = tmp_path_factory.mktemp("evenings")
    if request.param == "weeks":
        incidents = Incidents(
            late=day("2018-10-04"), missing=day("2018-10-22"), corrected=day("2018-10-25"), split=day("2018-10-30"),
            dividends=(day("2018-09-27"), day("2018-11-01")),
        )  # fmt: skip
        promote = {"2018-09-20": "line", "2018-10-17": "base", "2018-10-29": "line"}
        return live(root, "2018-09-20", "2018-11-07", incidents, ("2018-10-08", "2018-10-12"), promote)
    incidents = Incidents(
        late=day("2019-02-13"), missing=day("2019-06-04"), corrected=day("2019-07-10"), split=day("2019-08-20"),
        dividends=(day("2019-03-20"), day("2019-06-18"), day("2019-09-24"), day("2019-12-16")),
    )  # fmt: skip
    promote = {"2019-01-02": "line", "2019-05-15": "base", "2019-09-30": "line"}
    return live(root, "2019-01-02", "2019-12-31", incidents, ("2019-10-14", "2019-10-18"), promote)


pytestmark = [
    pytest.mark.parametrize(
        "year",
        ["weeks", pytest.param("year", marks=[pytest.mark.slow, pytest.mark.timeout(1800)])],
        indirect=True,
        scope="module",
    )
]


def sessions_of(entries: list[dict]) -> pd.DatetimeIndex:
    decided = pd.to_datetime([entry["decided_at"] for entry in entries], utc=True)
    return pd.DatetimeIndex(decided).tz_convert(sessions.NEW_YORK).tz_localize(None).normalize().as_unit("us")


def walked(year: Year) -> dict[str, pd.DataFrame]:
    """The out-of-sample forecasts of both models, trained once on everything, by `decided_at`."""
    runs = Runs(year.home)
    return {
        name: runs.find(train_model(year.home, name).run_id).predictions.table.set_index("decided_at")
        for name in ("line", "base")
    }


@pytest.fixture(scope="module")
def walk(year: Year) -> dict[str, pd.DataFrame]:
    return walked(year)


def stitched(year: Year, walk: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The walk-forward forecasts of whoever was champion, on the evenings on which somebody asked."""
    rows = [walk[entry["model"]["name"]].loc[[pd.Timestamp(entry["decided_at"])]] for entry in year.entries]
    return pd.concat(rows).reset_index()


def test_there_is_one_live_entry_for_each_evening_whose_bar_was_there(year: Year) -> None:
    found = sessions_of(year.entries)
    first, last = found[0], found[-1]
    lost = year.away.union(pd.DatetimeIndex([year.incidents.late, year.incidents.missing]))
    assert found.tolist() == sessions.between(first, last).difference(lost).tolist()
    assert {entry["kind"] for entry in year.entries} == {"live"}
    assert len({entry["model"]["run_id"] for entry in year.entries}) == 3


def test_the_evenings_are_not_dull(year: Year) -> None:
    # What follows would say little if the account never traded, held the inverse fund or met a stop.
    trades = [trade for entry in year.entries for trade in entry["account"]["trades"]]
    assert {trade["ticker"] for trade in trades} == {"IWM", "TWM"}
    assert len(trades) > 5
    assert len({entry["model"]["trained_through"] for entry in year.entries}) >= 3


def test_forecasts_equal_the_walk_forward(year: Year, walk: dict[str, pd.DataFrame]) -> None:
    wanted = stitched(year, walk)
    for name, key in (("p", "p_up"), ("p_low", "p_low"), ("p_high", "p_high"), ("climatology", "climatology")):
        np.testing.assert_array_equal(wanted[name], [entry[key] for entry in year.entries], err_msg=name)


def test_positions_equal_the_backtest(year: Year, walk: dict[str, pd.DataFrame]) -> None:
    runs = Runs(year.home)
    policy = runs.find(next(iter(year.runs))).bundle.policy
    view = year.home.store().as_of()
    tested = backtest(Predictions(stitched(year, walk)), view, policy, ticker="IWM", baselines={})
    equity = tested.account.equity
    for entry, session, stance in zip(year.entries, sessions_of(year.entries), tested.stances, strict=True):
        assert dict(stance.positions) == entry["positions"], session
        book = Book.from_json(entry["account"]["book"])
        assert book.equity == equity[session], session


def test_the_record_equals_the_walk_forward_scored_on_final_prices(year: Year, walk: dict[str, pd.DataFrame]) -> None:
    scored = score_ledger(year.home)
    wanted = stitched(year, walk).dropna(subset=["y"])
    assert scored["live"]["resolved"] == len(wanted) > 12
    assert scored["live"]["brier"] == brier(wanted["y"], wanted["p"])
    outcomes = [record["y"] for record in scored["forecasts"] if record["question"] == "up" and record["y"] is not None]
    np.testing.assert_array_equal(outcomes, wanted["y"])


def test_every_entry_replays_from_the_store_as_it_was(year: Year, tmp_path: Path) -> None:
    store, runs = year.home.store(), Runs(year.home)
    before: Book | None = None
    for number, (entry, session) in enumerate(zip(year.entries, sessions_of(year.entries), strict=True)):
        stored = pd.Timestamp(entry["data"]["stored_through"])
        run_id = entry["model"]["run_id"]
        bundle = runs.find(run_id).bundle
        bundle = dataclasses.replace(bundle, meta=bundle.meta | {"run_id": run_id})
        at = close_of(store, Target(horizon=10), entry["decided_at"][:10], stored=stored)
        bundle = continued(bundle, at.view, tmp_path / str(number))
        others = others_of(year.home, bundle).asked
        again = forecast_at(at, bundle, Advised(before, None), others=others, simulated=False)
        assert again == numbers_of(entry), session
        before = Book.from_json(entry["account"]["book"])


def test_the_audit_repeats_every_evening_and_finds_every_fill_fair(year: Year, monkeypatch: pytest.MonkeyPatch) -> None:
    # The clock of the evenings is told, that of the store is this machine's.
    monkeypatch.setattr(as_stored, "_impossible", lambda entries: [])
    repeated = 0
    for run_id in year.runs:
        subject = subject_of(year.home, Runs(year.home), run_id)
        found = as_stored.check(subject, FULL, lambda done, total: None)
        assert found.verdict == PASSED, found.sentence
        assert not found.figures["not_repeated"], found.sentence
        repeated += found.figures["repeated"]["live"]
        found = execution.check(subject, QUICK, lambda done, total: None)
        assert found.verdict == PASSED, found.sentence
    assert repeated == len(year.entries)
