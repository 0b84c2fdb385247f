"""A bundle: the same bits back, the model of the day, and one clear line when it is not whole."""

from __future__ import annotations

import json
import lzma
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.forecasting.bundle_files import as_written_by, change_models

from bullbear.dataset.predictions import Predictions
from bullbear.definitions import FactorSpec
from bullbear.errors import HistoryError, RunError
from bullbear.factors.engine.feature_sets import functions_of
from bullbear.forecasting.bundle import read_bundle
from bullbear.forecasting.bundle_writing import write_bundle
from bullbear.forecasting.gate import present_champion
from bullbear.home import Home
from bullbear.learn import Training
from bullbear.user_code import digests, use_home


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_a_bundle_that_is_written_reads_back_to_the_same_bits(
    trained_home: Home, tmp_path: Path, numbers: list[float]
) -> None:
    source = read_bundle(trained_home.champion)
    base, (low, p, high) = numbers[0], sorted(numbers[1:])
    table = source.predictions.table.head(3).assign(p=p, p_low=low, p_high=high, climatology=base, y=[0.0, 1.0, np.nan])
    sessions = [pd.Timestamp(day).as_unit("us") for day in ("2003-01-02", "2003-01-03", "2003-01-06")]
    models = tuple(source.model_named(day) for day in source.trained_through()[:2])
    training = Training(Predictions(table), models, source.signals * p, 0.0)
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        write_bundle(
            Path(folder) / "bundle",
            definition=source.definition,
            feature_sets=source.feature_sets,
            rule=source.rule,
            definition_hash="h",
            fingerprint="f",
            simulated=True,
            training=training,
        )
        found = read_bundle(Path(folder) / "bundle")
        assert (found.definition, found.feature_sets, found.rule) == (
            source.definition, source.feature_sets, source.rule,
        )  # fmt: skip
        assert found.question == "up"
        pd.testing.assert_frame_equal(found.predictions.table, table, check_exact=True)
        pd.testing.assert_frame_equal(found.signals, training.signals, check_exact=True, check_names=False)
        assert [found.model_named(day).state() for day in found.trained_through()] == [each.state() for each in models]
        assert (found.first_session, found.last_session) == (sessions[0], sessions[-1])
        assert found.trained_with == {"up": source.definition.target.question}


def test_no_model_is_used_on_the_day_of_its_own_fit(trained_home: Home) -> None:
    bundle = read_bundle(trained_home.champion)
    fitted = bundle.trained_through()
    assert fitted[:2] == ["2001-12-31", "2002-03-28"]
    of_day = {
        day: str(bundle.model_for(pd.Timestamp(day)).trained_through.date()) for day in ("2002-03-28", "2002-04-01")
    }
    assert of_day == {"2002-03-28": "2001-12-31", "2002-04-01": "2002-03-28"}
    with pytest.raises(HistoryError, match=r"--as-of: got '2001-12-31'.*look ahead"):
        bundle.model_for(pd.Timestamp("2001-12-31"))


def test_the_champion_knows_its_run(trained_home: Home) -> None:
    meta = read_bundle(trained_home.champion).meta
    assert set(meta) == {
        "version", "question", "definition", "feature_sets", "policy", "definition_hash", "data_fingerprint",
        "simulated", "start", "run_id", "user_code", "questions", "policy_feature_sets", "fits",
    }  # fmt: skip
    assert meta["simulated"] is True
    assert len(meta["run_id"]) == 32


def test_no_champion_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"champion: none yet; allowed: a promoted run; .*bullbear promote latest"):
        read_bundle(tmp_path / "champion")


def test_a_champion_of_an_earlier_version_is_refused_and_passed_over_with_a_note(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert present_champion(home, "up", simulated=True) == (None, None)
    (home.forecasts / "champion").mkdir(parents=True)
    (home.forecasts / "champion" / "bundle.json").write_text("{}")
    message = (
        "champion: got 'a bundle of an earlier version'; allowed: version 5, 6 or 7; train and promote again: "
        "`bullbear train MODEL && bullbear promote latest`"
    )
    with pytest.raises(RunError, match=message):
        read_bundle(home.champion)
    champion, note = present_champion(home, "up", simulated=True)
    assert champion is None
    assert note == f"the champion cannot be used and is not compared with: {message}"


@pytest.mark.parametrize("damage", ["", "{", '{"version": 5}', '{"version": 5, "definition": 1}', "[]"])
def test_a_damaged_bundle_is_told_in_one_line(trained_home: Home, tmp_path: Path, damage: str) -> None:
    shutil.copytree(trained_home.champion, tmp_path / "bundle")
    (tmp_path / "bundle" / "bundle.json").write_text(damage)
    with pytest.raises(RunError, match=r"champion: got 'a damaged bundle.json'"):
        read_bundle(tmp_path / "bundle")


@pytest.mark.parametrize(("version", "shown"), [({}, 1), ({"version": 4}, 4), ({"version": 8}, 8)])
def test_a_bundle_of_another_version_is_refused_in_one_line(
    trained_home: Home, tmp_path: Path, version: dict[str, int], shown: int
) -> None:
    shutil.copytree(trained_home.champion, tmp_path / "bundle")
    path = tmp_path / "bundle" / "bundle.json"
    meta = json.loads(path.read_text())
    del meta["version"]
    path.write_text(json.dumps(meta | version))
    model = "small" if shown < 7 else "MODEL"
    line = (
        rf"champion: got '\S+/bundle/bundle\.json of version {shown}'; allowed: version 5, 6 or 7; train and "
        rf"promote again: `bullbear train {model} && bullbear promote latest`$"
    )
    with pytest.raises(RunError, match=line):
        read_bundle(tmp_path / "bundle")


def test_a_bundle_is_bound_to_the_code_of_its_users_factors(trained_home: Home, tmp_path: Path) -> None:
    mine = tmp_path / "factors" / "mine.py"
    mine.parent.mkdir()
    text = "from bullbear.factors import Array, Bars, factor\n\n"
    text += '@factor(unit="ratio")\ndef half(bars: Bars) -> Array:\n    """Half."""\n    return bars.close / 2\n'
    mine.write_text(text)
    use_home(tmp_path)
    spec = {"name": "half", "function": "half", "inputs": {"bars": "$asset"}}
    shutil.copytree(trained_home.champion, tmp_path / "bundle")
    path = tmp_path / "bundle" / "bundle.json"
    meta = json.loads(path.read_text())
    meta["feature_sets"] = [{"name": "mine", "why": "A factor of my own.", "factor": [spec]}]
    meta["user_code"] = digests(functions_of([FactorSpec.model_validate(spec)]))
    path.write_text(json.dumps(meta))
    assert [each.name for each in read_bundle(tmp_path / "bundle").factors()] == ["half"]
    mine.write_text(text.replace("/ 2", "/ 3"))
    use_home(tmp_path)
    with pytest.raises(RunError, match=r"got 'factors/mine.py, changed since the training'; allowed: the file that"):
        read_bundle(tmp_path / "bundle").factors()
    mine.unlink()
    use_home(tmp_path)
    with pytest.raises(RunError, match=r"got 'factors/mine.py, gone'; allowed: .*; restore it, or train and promote"):
        read_bundle(tmp_path / "bundle").factors()


@pytest.mark.parametrize(
    ("key", "value"), [("function", "support_distance"), ("params", {"width": 3}), ("inputs", {"asset": "IWM"})]
)
def test_factors_of_another_version_are_told_in_one_line(
    trained_home: Home, tmp_path: Path, key: str, value: object
) -> None:
    shutil.copytree(trained_home.champion, tmp_path / "bundle")
    path = tmp_path / "bundle" / "bundle.json"
    meta = json.loads(path.read_text())
    meta["feature_sets"] = [
        {
            "name": "old",
            "why": "An older version.",
            "factor": [{"name": "gone", "function": "roc", "inputs": {"bars": "IWM"}}],
        }
    ]
    path.write_text(json.dumps(meta))
    assert [spec.name for spec in read_bundle(tmp_path / "bundle").factors()] == ["gone"]
    meta["feature_sets"][0]["factor"][0][key] = value
    path.write_text(json.dumps(meta))
    with pytest.raises(RunError, match=r"champion: got 'factor gone by .*'; allowed: factors of this version"):
        read_bundle(tmp_path / "bundle").factors()


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state["calibrators"][0].pop("frequency_slope"),
        lambda state: state["members"][0]["learner_state"].clear(),
        lambda state: state["members"][0]["learner"].update(independence=21),
        lambda state: state["members"][0].pop("factors"),
    ],
)
def test_a_model_of_another_version_is_told_in_one_line(
    trained_home: Home, tmp_path: Path, change: Callable[[Any], object]
) -> None:
    shutil.copytree(trained_home.champion, tmp_path / "bundle")
    read_bundle(tmp_path / "bundle").require_usable()
    line = r"champion: got 'models/2007\.jsonl\.xz, damaged or of another version'; allowed: .*; train and promote"
    change_models(tmp_path / "bundle", change, newest=True)
    with pytest.raises(RunError, match=line):
        read_bundle(tmp_path / "bundle").model_for(pd.Timestamp("2007-12-31"))
    with pytest.raises(RunError, match=line):
        read_bundle(tmp_path / "bundle").require_usable()


@pytest.mark.parametrize("damage", [lambda whole: whole[:-40], lambda whole: b"", lambda whole: b"{}", None])
def test_a_damaged_file_of_models_is_told_in_one_line(
    trained_home: Home, tmp_path: Path, damage: Callable[[bytes], bytes] | None
) -> None:
    shutil.copytree(trained_home.champion, tmp_path / "bundle")
    path = tmp_path / "bundle" / "models" / "2007.jsonl.xz"
    whole = path.read_bytes()
    path.unlink()
    if damage is not None:
        path.write_bytes(damage(whole))
    with pytest.raises(RunError, match=r"got 'models/2007\.jsonl\.xz, damaged or of another version'"):
        read_bundle(tmp_path / "bundle").require_usable()


@pytest.mark.parametrize("name", ["predictions.csv", "signals.csv"])
@pytest.mark.parametrize("text", ["", "nothing\n1\n", "decided_at,signal,resolved_at,p\nx,y,z,q\n"])
def test_damaged_tables_are_told_in_one_line(trained_home: Home, tmp_path: Path, name: str, text: str) -> None:
    shutil.copytree(trained_home.champion, tmp_path / "bundle")
    (tmp_path / "bundle" / name).write_text(text)
    with pytest.raises(RunError, match=rf"run 1234: got '{name}, damaged or of another version'"):
        read_bundle(tmp_path / "bundle", label="run 1234").require_usable()


def test_a_bundle_without_models_is_told_in_one_line(trained_home: Home, tmp_path: Path) -> None:
    shutil.copytree(trained_home.champion, tmp_path / "bundle")
    path = tmp_path / "bundle" / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"fits": []}))
    bundle = read_bundle(tmp_path / "bundle")
    for ask in (bundle.require_usable, lambda: bundle.model_for(pd.Timestamp("2007-12-31"))):
        with pytest.raises(RunError, match=r"champion: got 'no models'; .*; train and promote again"):
            ask()


def test_signals_begin_with_the_burn_in_and_read_back_to_the_same_bits(trained_home: Home) -> None:
    bundle = read_bundle(trained_home.champion)
    signals = bundle.signals
    assert signals.index[0] < bundle.predictions.table["decided_at"].iloc[0]
    assert signals.index[-1] == bundle.predictions.table["decided_at"].iloc[-1]
    assert signals.columns.tolist() == ["signal", "signal_small"]
    assert signals["signal"].equals(signals["signal_small"].rename("signal"))
    model = bundle.model_for(pd.Timestamp("2007-12-31"))
    row = bundle.predictions.table.iloc[-1]
    odds = np.log(row["climatology"] / (1 - row["climatology"])) + model.calibrator.slope * signals["signal"].iloc[-1]
    assert row["p"] == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-12)


@pytest.mark.parametrize("version", [5, 6])
def test_a_bundle_of_an_earlier_version_gives_the_same_models(trained_home: Home, tmp_path: Path, version: int) -> None:
    now = read_bundle(trained_home.champion)
    old = read_bundle(as_written_by(version, now.root, tmp_path / "old"))
    assert old.meta["version"] == version
    assert old.trained_through() == now.trained_through()
    for day in now.trained_through():
        assert old.model_named(day).state() == now.model_named(day).state()
    damaged = tmp_path / "old" / "models" / f"{now.trained_through()[-1]}.json"
    damaged.write_text("{")
    with pytest.raises(RunError, match=r"got 'models/2007-\d\d-\d\d\.json, damaged or of another version'"):
        read_bundle(tmp_path / "old").require_usable()


def test_a_bundle_holds_text_only_and_a_file_of_models_for_each_year(trained_home: Home) -> None:
    place = trained_home.champion.resolve()
    files = sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())
    years = [f"models/{year}.jsonl.xz" for year in range(2001, 2008)]
    assert files == ["belief.json", "bundle.json", *years, "predictions.csv", "signals.csv"]
    fits: list[str] = []
    for name in years:
        states = [json.loads(line) for line in lzma.decompress((place / name).read_bytes()).decode().splitlines()]
        fits += [state["trained_through"][:10] for state in states]
    assert fits == read_bundle(place).trained_through()
