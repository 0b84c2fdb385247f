"""The registry of trials: nothing that was seen is lost, and no line can be changed without being found."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.trials.trials import swept, training

from bullbear.errors import TrialsError
from bullbear.trials import Trial, TrialRegistry, is_base_rate, tries_on


def silent(note: str) -> None:
    return


def forecasts(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    days = pd.bdate_range("2004-01-05 21:00", periods=n, tz="UTC")
    return pd.DataFrame({"p": rng.random(n), "y": (rng.random(n) < 0.6).astype(float)}, index=days)


def test_what_is_recorded_is_read_again_with_its_forecasts_to_the_last_bit(tmp_path: Path) -> None:
    registry, made = TrialRegistry(tmp_path / "trials"), forecasts()
    trial = training(start="2004-01-02", run_id="r", brier_skill=0.0, sharpe=-0.1, search_trials=40, counts=True)
    (recorded,) = registry.record([(trial, made)])
    (read,) = TrialRegistry(tmp_path / "trials").trials()
    assert read == recorded
    assert (read.brier_skill, read.sharpe, read.seen_again, read.taken_over) == (0.0, -0.1, 0, False)
    kept = registry.forecasts_of(read)
    assert kept is not None
    pd.testing.assert_frame_equal(kept, made, check_freq=False, check_exact=True, check_index_type=False)
    assert kept.index.dtype == "datetime64[us, UTC]"
    (file,) = (tmp_path / "trials" / "forecasts").iterdir()
    assert file.stat().st_size < 16 * len(made)
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert registry.forecasts_of(read) is None


def test_the_same_again_is_recorded_as_seen_again(tmp_path: Path) -> None:
    registry = TrialRegistry(tmp_path)
    for trial in (training("a"), training("a"), training("b"), swept("a", x=0.1), swept("a", x=0.1, y=0.2)):
        registry.record([(trial, None)])
    found = registry.trials()
    assert [trial.seen_again for trial in found] == [0, 1, 0, 0, 1]
    assert dict(found[-1].variants) == {"y": 0.2}
    tries = tries_on(found, "up", "real")
    assert (len(tries.models), len(tries.variants)) == (2, 2)


def test_only_what_is_not_recorded_is_taken_over(tmp_path: Path) -> None:
    registry = TrialRegistry(tmp_path)
    registry.record([(training("a", run_id="1"), None)])
    stored = [training("a", run_id="1"), training("a", run_id="2"), training("b", run_id="3"), swept("a", x=0.1)]
    for expected in (3, 0):
        assert len(registry.take_over([(trial, None) for trial in stored])) == expected
    assert [(trial.run_id, trial.taken_over) for trial in registry.trials() if trial.is_training] == [
        ("1", False), ("2", True), ("3", True),
    ]  # fmt: skip


@settings(max_examples=20)
@given(data=st.data())
def test_an_edited_removed_or_cut_line_is_refused_with_file_and_line(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    registry = TrialRegistry(tmp_path_factory.mktemp("trials"), say=silent)
    for name in "abcd":
        registry.record([(training(name), None)])
    lines = registry.path.read_bytes().splitlines(keepends=True)
    place = data.draw(st.integers(0, 3))
    change = data.draw(st.sampled_from(["edit", "remove", "cut"]))
    changed = {
        "edit": [lines[place].replace(b'"real"', b'"SIMULATED"')],
        "remove": [],
        "cut": [lines[place][:40] + b"\n"],
    }[change]
    registry.path.write_bytes(b"".join([*lines[:place], *changed, *lines[place + 1 :]]))
    with pytest.raises(TrialsError, match=r"trials\.jsonl.*trials cannot be edited") as bad:
        TrialRegistry(registry.path.parent, say=silent).trials()
    if change != "remove" or place < 3:
        assert f"trials.jsonl:{place + 1}: " in str(bad.value)
    with pytest.raises(TrialsError):
        TrialRegistry(registry.path.parent, say=silent).record([(training("e"), None)])


def test_a_killed_writer_s_line_is_put_aside(tmp_path: Path) -> None:
    registry, notes = TrialRegistry(tmp_path), []
    registry.record([(training("a"), None)])
    with open(registry.path, "ab") as file:
        file.write(b'{"at": "2026')
    told = TrialRegistry(tmp_path, say=notes.append)
    assert len(told.trials()) == 1
    told.record([(training("b"), None)])
    assert len(told.trials()) == 2
    assert [note.split(" (")[0] for note in notes] == [
        "trials.jsonl ends in a line cut short", "a line of trials.jsonl was cut short",
    ]  # fmt: skip


def test_a_line_of_a_later_version_is_read_and_one_that_lacks_its_model_is_refused(tmp_path: Path) -> None:
    registry = TrialRegistry(tmp_path)
    registry._file.add(lambda entries: [{**training("a").as_entry(), "of_a_later_version": 1}])
    assert registry.trials()[0].model == "m_a"
    registry._file.add(lambda entries: [{"what": "train"}])
    with pytest.raises(TrialsError, match=r"trials\.jsonl:2: .*an entry of the registry of trials"):
        registry.trials()


def record_some(folder: Path, names: list[str]) -> None:
    for name in names:
        TrialRegistry(folder, say=silent).record([(training(name), None), (swept(name, x=0.1), None)])


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    names = [[f"{writer}-{number}" for number in range(10)] for writer in range(3)]
    with ProcessPoolExecutor(3, mp_context=get_context("fork")) as pool:
        list(pool.map(record_some, [tmp_path] * 3, names))
    tries = tries_on(TrialRegistry(tmp_path).trials(), "up", "real")
    assert {definition for definition, _, _ in tries.models} == {name for each in names for name in each}
    assert len(tries.variants) == 30
    head = json.loads((tmp_path / "trials.head").read_text())
    assert head["count"] == 60


def test_the_base_rate_is_the_benchmark_unless_it_forgets() -> None:
    assert is_base_rate({"kind": "climatology"})
    assert not is_base_rate({"kind": "climatology", "window": 1260})
    assert not is_base_rate({"kind": "climatology", "half_life": 1260})
    assert not is_base_rate({"kind": "logistic"})
    assert not is_base_rate(None)


def test_a_trial_leaves_out_what_is_usual() -> None:
    assert Trial.of(training("a", brier_skill=0.0).as_entry()) == training("a", brier_skill=0.0)
    assert set(training("a").as_entry()) == {
        "what", "model", "question", "data", "definition_hash", "counts", "schema_version",
    }  # fmt: skip
