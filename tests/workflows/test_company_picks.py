"""Rankings of a small simulated index, from the store to the document."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from bullbear.cli.app import app
from bullbear.documents import json_ready
from bullbear.errors import HistoryError, InputError, NoDataError
from bullbear.home import Home
from bullbear.workflows.company_picks import Asked, companies_record, rank_companies
from bullbear.workflows.filling import fill_simulated

PICKERS = """\
[[picker]]
quantiles = 3
[picker.rule]
name = "small"
kind = "ranker"
why = "A small ranker for the tests."
features = ["momentum_12_1", "return_21", "volatility_21"]
learner = { num_iterations = 10, min_data_in_leaf = 20, num_leaves = 3 }
[picker.schedule]
least_decisions = 8
[picker.trading]
cost_bp = 10.0
"""


@pytest.fixture(scope="session")
def company_home(once: Callable[[str, Callable[[Path], None]], Path]) -> Home:
    """Thirty simulated places of three years; read it only, but for evaluations and their runs."""

    def build(place: Path) -> None:
        fill_simulated(Home(place), 7, 1.0, 3, 30)
        (place / "models").mkdir()
        (place / "models" / "picker.toml").write_text(PICKERS)

    return Home(once("company home", build))


@pytest.mark.slow
def test_the_ranking_of_a_past_day_is_that_of_the_evaluation(company_home: Home) -> None:
    record = companies_record(company_home, Asked("small"))
    found = record.evaluated
    assert record.oracle is not None
    assert 0.0 < record.oracle < 1.0
    for place in (len(found.decided) // 2, len(found.decided) - 1):
        day = str(found.decided[place].date())
        today = rank_companies(company_home, Asked("small", as_of=day))
        of_day = found.scores[place]
        assert today.ranked.learned >= 8
        scores = {row["company"]: row["score"] for row in today.rows()}
        # The day knew nothing of what came later, and its score is the same to the last bit.
        assert sorted(scores.values()) == sorted(of_day[np.isfinite(of_day)].tolist())


@pytest.mark.slow
def test_the_document_names_companies_and_sectors(company_home: Home) -> None:
    result = CliRunner().invoke(app, ["pick", "--home", str(company_home.root), "--json", "--top", "4", "--jobs", "1"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["picker"], found["group"], found["survivorship"]) == ("blend", "IWM", None)
    assert [each["rank"] for each in found["companies"]] == [1, 2, 3, 4]
    scores = [each["score"] for each in found["companies"]]
    assert scores == sorted(scores, reverse=True)
    first = found["companies"][0]
    assert first["ticker"]
    assert first["sector"]
    assert set(first["parts"]) == {"momentum_12_1", "volatility_252", "return_21", "high_252"}
    if all(part is not None for part in first["parts"].values()):
        assert sum(first["parts"].values()) == pytest.approx(first["score"])
    ranked = sum(each["members"] for each in found["sectors"])
    assert ranked == found["members"] - found["missing"]
    sectors = [each["score"] for each in found["sectors"]]
    assert sectors == sorted(sectors, reverse=True)
    result = CliRunner().invoke(app, ["pick", "--home", str(company_home.root), "--json", "--sectors", "--jobs", "1"])
    alone = json.loads(result.stdout)
    assert alone == {name: value for name, value in found.items() if name != "companies"}


@pytest.mark.slow
def test_an_evaluation_is_logged(company_home: Home) -> None:
    from bullbear.tracking.mlflow_store import connect
    from bullbear.tracking.picker_run import EXPERIMENT

    record = companies_record(company_home, Asked("blend"))
    client = connect(company_home.runs)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    run = client.search_runs([experiment.experiment_id], "params.picker = 'blend'")[0]
    assert run.data.metrics["information/ic"] == pytest.approx(record.evaluated.information.mean.estimate)
    assert run.data.metrics["quantiles/best/net"] == pytest.approx(record.evaluated.portfolios.best.net)
    assert run.data.tags["data"] == "SIMULATED"
    again = companies_record(company_home, Asked("small", jobs=2))
    both = {each.data.tags["definition_hash"] for each in client.search_runs([experiment.experiment_id])}
    assert again.tried == len(both) == 2
    names = {each.path for each in client.list_artifacts(run.info.run_id)}
    assert {"quantiles.csv", "scores.csv", "information.csv", "definition.json", "evaluation.json"} <= names
    document = json_ready(record.as_dict())
    assert json.dumps(document, allow_nan=False)
    assert (
        document["long_only"]["active_low"] <= document["long_only"]["active"] <= document["long_only"]["active_high"]
    )


@pytest.mark.slow
def test_refusals(company_home: Home) -> None:
    with pytest.raises(InputError, match=r"--picker: got 'oracle'; allowed: blend, .*small"):
        rank_companies(company_home, Asked("oracle"))
    with pytest.raises(InputError, match="group: got 'QQQ'; allowed: IWM"):
        rank_companies(company_home, Asked(group="QQQ"))
    with pytest.raises(HistoryError, match="a first fit needs 24 with resolved labels"):
        rank_companies(company_home, Asked("ranker", as_of="2001-03-30"))
    with pytest.raises(NoDataError, match="--as-of: got '2033-03-30'"):
        rank_companies(company_home, Asked(as_of="2033-03-30"))


@pytest.mark.slow
def test_a_day_before_any_score_is_refused_with_the_first_day_that_has_one(company_home: Home) -> None:
    with pytest.raises(HistoryError, match=r"year of bars.*allowed: a day from ([0-9-]+) on") as refused:
        rank_companies(company_home, Asked(as_of="2000-02-28"))
    first = refused.value.allowed.split()[3]
    assert len(rank_companies(company_home, Asked(as_of=first)).ranked.order) > 0


def test_no_members_are_refused_alike_by_picks_and_by_groups(once: Callable[..., Path]) -> None:
    from tests.group.homes import fill, market

    from bullbear.workflows.group import group_report

    filled = Home(once("home of a group", fill))
    before = str(market().panel.sessions[90].date())
    with pytest.raises(NoDataError, match=r"membership is not known at the close of.*IWM became known on") as of_group:
        group_report(filled, as_of=before)
    with pytest.raises(NoDataError) as of_pick:
        rank_companies(filled, Asked(as_of=before))
    assert str(of_pick.value) == str(of_group.value)


def test_real_data_are_never_to_be_simulated(tmp_path: Path) -> None:
    from bullbear.data import Store

    close = pd.Timestamp("2019-12-31 21:00", tz="UTC")
    row = {"series": ["VIXCLS"], "event_date": [pd.Timestamp("2019-12-31")], "known_at": [close], "value": [13.8]}
    Store(tmp_path / "data").append("observations", pd.DataFrame(row))
    with pytest.raises(NoDataError, match="fetch --holdings") as refused:
        rank_companies(Home(tmp_path), Asked())
    assert "simulate" not in str(refused.value)


def test_a_store_without_companies_is_refused(trained_home: Home) -> None:
    with pytest.raises(NoDataError, match=r"no bars of any company in the store.*simulate --companies N"):
        rank_companies(trained_home, Asked())
