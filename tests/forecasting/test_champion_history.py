"""The history of champions, and the bundles that can return."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bullbear.errors import RunError
from bullbear.forecasting.champion_history import (
    DEMOTED,
    FORCED,
    KEPT,
    PROMOTED,
    ROLLED_BACK,
    Change,
    changes_of,
    copy_bundle,
    former,
    install,
    kept_at,
    run_at,
)
from bullbear.home import Home


def bundle(home: Home, run_id: str) -> Path:
    """A folder that looks like a bundle."""
    staged = home.forecasts / f"new-{run_id}"
    (staged / "models").mkdir(parents=True)
    (staged / "models" / "2019-01-02.json").write_text(run_id)
    (staged / "bundle.json").write_text(json.dumps({"run_id": run_id}))
    return staged


def promote(home: Home, run_id: str, action: str = PROMOTED) -> Change | None:
    return install(home, "dip8", bundle(home, run_id), action=action, model="trees", run_id=run_id)


def demote(home: Home) -> None:
    install(home, "dip8", None, action=DEMOTED, reason="a test")


def roll_back(home: Home) -> str:
    """As `bullbear rollback` does, without looking into the bundle."""
    run_id = former(home, "dip8")[0]
    staged = home.forecasts / "staged"
    copy_bundle(kept_at(home, "dip8", run_id), staged)
    install(home, "dip8", staged, action=ROLLED_BACK, model="trees", run_id=run_id)
    return run_id


@pytest.fixture
def empty(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_every_change_is_one_line_with_what_stood_before(empty: Home) -> None:
    promote(empty, "a")
    promote(empty, "b", FORCED)
    demote(empty)
    found = changes_of(empty, "dip8")
    assert [(each.action, each.run_id, each.before) for each in found] == [
        ("promoted", "a", None),
        ("forced", "b", "a"),
        ("demoted", None, "b"),
    ]
    assert (found[2].reason, changes_of(empty, "up")) == ("a test", [])
    assert [each.at for each in found] == sorted(each.at for each in found)
    assert run_at(empty.champion_of("dip8")) is None


def test_the_same_run_promoted_again_is_no_change(empty: Home) -> None:
    promote(empty, "a")
    assert promote(empty, "a") is None
    assert promote(empty, "a", FORCED) is not None
    assert [each.action for each in changes_of(empty)] == ["promoted", "forced"]
    assert former(empty, "dip8") == []


def test_rolling_back_goes_from_champion_to_champion(empty: Home) -> None:
    for run_id in "abc":
        promote(empty, run_id)
    demote(empty)
    assert former(empty, "dip8") == ["c", "b", "a"]
    assert roll_back(empty) == "c"  # a demotion is undone
    assert former(empty, "dip8") == ["b", "a"]
    assert roll_back(empty) == "b"
    promote(empty, "d")
    assert former(empty, "dip8") == ["b", "a"]  # c was given up
    assert [roll_back(empty), roll_back(empty)] == ["b", "a"]
    assert former(empty, "dip8") == []
    assert (empty.champion_of("dip8") / "models" / "2019-01-02.json").read_text() == "a"


def test_a_champion_from_before_the_history_can_return(empty: Home) -> None:
    place = empty.champion_of("dip8")
    place.parent.mkdir(parents=True)
    bundle(empty, "old").rename(place)  # a plain folder, as in some copies of a home
    promote(empty, "new")
    assert former(empty, "dip8") == ["old"]
    assert roll_back(empty) == "old"


def test_a_line_cut_short_hides_no_other(empty: Home) -> None:
    promote(empty, "a")
    with open(empty.forecasts / "champions.jsonl", "a") as file:
        file.write('{"at": "2026-')
    promote(empty, "b")
    assert [each.run_id for each in changes_of(empty)] == ["a", "b"]


def test_only_the_newest_bundles_are_kept(empty: Home) -> None:
    names = [f"run{number}" for number in range(KEPT + 3)]
    for name in names:
        promote(empty, name)
    kept = {path.name for path in kept_at(empty, "dip8", "x").parent.iterdir()}
    assert kept == set(names[-KEPT - 1 : -1])


def test_a_damaged_champion_goes_without_being_kept(empty: Home) -> None:
    promote(empty, "a")
    promote(empty, "b")
    (empty.champion_of("dip8") / "bundle.json").write_text("{")
    demote(empty)
    assert former(empty, "dip8") == ["b", "a"]  # of b nothing is kept, so that a returns
    assert not kept_at(empty, "dip8", "b").exists()
    assert not empty.champion_of("dip8").exists()


@pytest.mark.parametrize("run_id", ["", "..", "../dip5"])
def test_a_bundle_that_names_a_path_as_its_run_removes_nothing(
    empty: Home, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(empty, "a")
    promote(empty, "b")
    (empty.champion_of("dip8") / "bundle.json").write_text(json.dumps({"run_id": run_id}))
    removed: list[Path] = []
    monkeypatch.setattr("shutil.rmtree", lambda path, **_: removed.append(Path(path)))  # a fault removes nothing here
    demote(empty)
    assert removed == []
    assert not empty.champion_of("dip8").exists()
    with pytest.raises(RunError, match="letters, digits"):
        kept_at(empty, "dip8", run_id)


@pytest.mark.parametrize("plain", [True, False])
def test_a_champion_that_cannot_be_kept_stays(empty: Home, plain: bool) -> None:
    place = empty.champion_of("dip8")
    if plain:  # as in some copies of a home
        place.parent.mkdir(parents=True)
        bundle(empty, "a").rename(place)
    else:
        promote(empty, "a")
    before = changes_of(empty)
    (empty.forecasts / "former").write_text("a file where the folder should be")
    with pytest.raises(RunError, match=r"champion of dip8: it cannot be kept.*former.*run the command again"):
        demote(empty)
    assert (run_at(place), changes_of(empty)) == ("a", before)


def test_what_cannot_be_read_of_a_champion_is_left_out_of_what_is_kept(empty: Home) -> None:
    promote(empty, "a")
    (empty.champion_of("dip8") / "gone.csv").symlink_to("nowhere")
    with pytest.raises(FileNotFoundError):
        copy_bundle(empty.champion_of("dip8").resolve(), empty.forecasts / "copy")
    demote(empty)
    assert former(empty, "dip8") == ["a"]
    assert sorted(path.name for path in kept_at(empty, "dip8", "a").iterdir()) == ["bundle.json", "models"]


def test_a_demotion_that_is_killed_has_its_line_and_is_made_again(empty: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    promote(empty, "a")
    promote(empty, "b")
    with monkeypatch.context() as killed:

        def kill(path: Path) -> None:
            raise KeyboardInterrupt

        killed.setattr(Path, "unlink", kill)
        with pytest.raises(KeyboardInterrupt):
            demote(empty)
    assert (run_at(empty.champion_of("dip8")), changes_of(empty)[-1].action) == ("b", DEMOTED)
    assert former(empty, "dip8") == ["a"]
    demote(empty)
    assert run_at(empty.champion_of("dip8")) is None
    assert former(empty, "dip8") == ["b", "a"]


def test_who_compared_with_another_champion_installs_nothing(empty: Home) -> None:
    promote(empty, "a")
    compared = empty.champion_of("dip8").resolve()
    promote(empty, "b")
    with pytest.raises(RunError, match=r"replaced meanwhile.*run the command again"):
        install(empty, "dip8", bundle(empty, "c"), action=PROMOTED, run_id="c", instead_of=compared)
    assert run_at(empty.champion_of("dip8")) == "b"
    assert len(changes_of(empty)) == 2
