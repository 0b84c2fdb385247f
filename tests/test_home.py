"""Where a home is, which definition wins, and how a folder is exchanged without a moment in between."""

from __future__ import annotations

import codecs
import dataclasses
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bullbear.data.simulated_prices import FUNDS
from bullbear.dataset.splits import SPLITTERS
from bullbear.decide.policy import POLICIES
from bullbear.decide.rule import Rule
from bullbear.definition_files import SHARED_FILES
from bullbear.definitions import Kinds, Target
from bullbear.errors import DefinitionError, InputError
from bullbear.factors import registered
from bullbear.factors.engine import registry
from bullbear.forecasting.user_files import user_code_of
from bullbear.home import Home, experiment_name, locate
from bullbear.learn import CALIBRATORS, LEARNERS
from bullbear.learn.learners.lightgbm import GradientBoosting
from bullbear.shipped import MODELS

PACKAGED = sorted(MODELS)


@pytest.fixture
def place(tmp_path: Path, small_definitions: Callable[[Path], None]) -> Home:
    small_definitions(tmp_path)
    return Home(tmp_path)


def edit(home: Home, name: str, old: str, new: str) -> None:
    path = home.root / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_option_wins_over_the_environment_and_that_over_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert locate(None).root == tmp_path
    for name in ("environment", "option"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("BULLBEAR_HOME", str(tmp_path / "environment"))
    assert locate(None).root == tmp_path / "environment"
    assert locate(Path("option")).root == tmp_path / "option"


@pytest.mark.parametrize("question", ["", ".", "..", "../../data", "/nowhere", ".up", "up/", "up\n", "Up", "ü"])
def test_a_champion_has_no_other_place_than_that_of_a_name(place: Home, question: str) -> None:
    assert not place.has_champion(question)
    with pytest.raises(InputError, match=r"^question: got .*; allowed: small letters, digits and _"):
        place.champion_of(question)


def test_the_questions_of_a_home_join_the_packaged_ones_and_win(place: Home) -> None:
    assert list(place.questions()) == ["up", "fall5", "dip5", "dip8", "rally5", "move5", "vol20", "vol30"]
    assert "questions" not in place.names("models")
    (place.root / "models" / "questions.toml").write_text(
        '[[question]]\nname = "dip10"\nkind = "dip"\nthreshold = -0.1\nsentence = "A close 10 % below today."\n'
        '[[question]]\nname = "dip5"\nkind = "dip"\nthreshold = -0.05\nhorizon = 63\nsentence = "Within a quarter."\n'
    )
    found = place.questions()
    assert list(found) == ["up", "fall5", "dip5", "dip8", "rally5", "move5", "vol20", "vol30", "dip10"]
    assert (found["dip10"].threshold, found["dip5"].horizon, found["up"].horizon) == (-0.1, 63, 21)


def test_a_model_names_its_question(place: Home) -> None:
    edit(place, "models/base.toml", "[learner]", "[target]\nhorizon = 63\n[learner]")
    edit(place, "models/base.toml", "intent", 'questions = ["dip8"]\nintent')
    target = place.model("base").definition.target
    assert (target.question.name, target.question.threshold) == ("dip8", -0.08)
    assert target.horizon == target.question.horizon == 63
    said = "A close 8 % or more below today's within the month (over 63 sessions, not 21)."
    assert target.question.sentence == Target.model_validate(target.model_dump()).question.sentence == said
    edit(place, "models/base.toml", '"dip8"', '"dip9"')
    message = r"models/base\.toml:\d+ \(questions\.0\): got 'dip9'; allowed: one of up, fall5, dip5, dip8, rally5"
    with pytest.raises(DefinitionError, match=message):
        place.model("base")


MEMBERS = """
name = "pair"
intent = "Two members of one model."
questions = ["up", "dip8"]
features = ["tiny"]

[[member]]
name = "line"
[member.learner]
kind = "logistic"

[[member]]
name = "still"
features = []
[member.learner]
kind = "climatology"

[pool]
penalty = 50.0
"""


def test_a_model_of_several_questions_and_members(place: Home) -> None:
    (place.root / "models" / "pair.toml").write_text(MEMBERS)
    model = place.model("pair")
    assert [member.name for member in model.definition.members] == ["line", "still"]
    assert [target.question.name for target in model.definition.targets] == ["up", "dip8"]
    with pytest.raises(InputError, match=r"model pair: got 'up, dip8'; allowed: a single question"):
        _ = model.definition.target
    with pytest.raises(InputError, match=r"question of model pair: got 'dip5'; allowed: one of up, dip8"):
        model.only("dip5")
    up, dip = model.only("up"), model.only("dip8")
    assert (up.definition.target.question.name, dip.definition.target.question.name) == ("up", "dip8")
    assert (up.policy, dip.policy.kind) == (model.policy, "hold_cash")
    assert len({model.definition_hash, up.definition_hash, dip.definition_hash}) == 3
    # A model of that one question means the same.
    edit(place, "models/pair.toml", '["up", "dip8"]', '["dip8"]')
    alone = place.model("pair")
    assert alone.definition_hash == dip.definition_hash
    assert alone.only("dip8") is alone


def test_the_questions_that_forecasts_are_made_coherent_with_are_part_of_the_meaning(place: Home) -> None:
    def hashes(names: str) -> dict[str, str]:
        (place.root / "models" / "pair.toml").write_text(MEMBERS.replace('"up", "dip8"', names))
        model = place.model("pair")
        names_of = [question.name for question in model.definition.questions]
        return {name: model.only(name, together=True).definition_hash for name in names_of}

    alone, both = hashes('"dip8"')["dip8"], hashes('"up", "dip8", "dip5"')
    assert place.model("pair").only("dip8").definition_hash == alone
    assert len({alone, both["dip8"], hashes('"dip8", "dip5", "fall5"')["dip8"]}) == 3  # fall5 implies dip5
    assert hashes('"dip5", "dip8", "up"') == both  # in any order
    assert hashes('"up", "vol20", "dip8"')["vol20"] == hashes('"vol20"')["vol20"]  # nothing implies anything of it
    assert both["up"] == hashes('"up"')["up"]  # stays as it is


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("penalty = 50.0", "penalty = 51.0"),
        ("[]", '["tiny"]'),
        ('kind = "logistic"', 'kind = "logistic"\npenalty = 7.0'),
        ('["up", "dip8"]', '["dip8", "up"]'),
    ],
)
def test_members_and_pool_are_part_of_the_meaning(place: Home, before: str, after: str) -> None:
    (place.root / "models" / "pair.toml").write_text(MEMBERS)
    first = place.model("pair").definition_hash
    edit(place, "models/pair.toml", '"line"', '"linear"')
    assert place.model("pair").definition_hash == first
    edit(place, "models/pair.toml", before, after)
    assert place.model("pair").definition_hash != first


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('["up", "dip8"]', '["up", "dip9"]', r":4 \(questions\.1\): got 'dip9'; allowed: one of up, fall5"),
        ('["up", "dip8"]', '["up", "up"]', r":4 \(questions\): got .*; allowed: each question once"),
        ('["up", "dip8"]', "[]", r":4 \(questions\): got .*; allowed: a list of at least 1"),
        ("[[member]]\nname = \"line\"", '[learner]\nkind = "climatology"\n[[member]]\nname = "line"',
         r":9 \(member\): got 'both'; allowed: either \[learner\], for one member, or \[\[member\]\]"),
        ('"still"', '"line"', r":13 \(member\.1\.name\): got 'line'; allowed: a name that no other member has"),
        ("[]", '["levels"]', r":14 \(member\.1\.features\.0\): got 'levels'; allowed: one of the model's"),
        ('kind = "climatology"', 'kind = "logistic"', r":14 \(member\.1\.features\): no feature set"),
        ('kind = "climatology"', 'kind = "none"', r":16 \(member\.1\.learner\.kind\): got 'none'; allowed: .*clim"),
        ('kind = "logistic"', 'kind = "logistic"\nclip = 0', r":11 \(member\.0\.learner\.clip\): got 0; allowed: a"),
        ("penalty = 50.0", "penalty = 0.0", r":19 \(pool\.penalty\): got 0\.0; allowed: a number above 0"),
        ("penalty = 50.0", 'kind = "linear"', r":19 \(pool\.kind\): got 'linear'; allowed: log"),
        (MEMBERS[MEMBERS.index("[[member]]\nname = \"still"):MEMBERS.index("[pool]")], "",
         r":12 \(pool\): got 'one member'; allowed: two members or more in a pool; remove \[pool\]"),
        (MEMBERS[MEMBERS.index("[[member]]"):], "", r":1 \(learner\): nothing; allowed: a value; add the key"),
        ("[pool]", "[target]\nquestion = \"up\"\n[pool]", r":19 \(target\.question\): got 'question'; allowed: one"),
    ],
)  # fmt: skip
def test_members_questions_and_pools_that_cannot_be_used(place: Home, before: str, after: str, message: str) -> None:
    assert before in MEMBERS
    (place.root / "models" / "pair.toml").write_text(MEMBERS.replace(before, after))
    with pytest.raises(
        DefinitionError, match=r"^models/pair\.toml" + (message if message[0] == ":" else r".*" + message)
    ):
        place.model("pair")


LEARNER = """
from typing import Literal
from bullbear.learn import LEARNERS
from bullbear.learn.learner import Learner

@LEARNERS.register
class Mine(Learner):
    kind: Literal["mine"] = "mine"
    home: Literal["{}"] = "{}"
"""


def test_two_homes_of_one_process_keep_their_kinds_apart(tmp_path: Path) -> None:
    for name in "AB":
        (tmp_path / name / "learners").mkdir(parents=True)
        (tmp_path / name / "learners" / "mine.py").write_text(LEARNER.format(name, name))
    for name in "ABA":
        Home(tmp_path / name)
        assert LEARNERS.read({"kind": "mine"}).model_dump()["home"] == name
    Home(tmp_path / "C")
    with pytest.raises(DefinitionError, match=r"got 'mine'; allowed: .*climatology or .*distribution or .*lightgbm"):
        LEARNERS.read({"kind": "mine"})


@pytest.mark.parametrize("kinds", [LEARNERS, POLICIES, CALIBRATORS, SPLITTERS], ids=lambda kinds: kinds.what)
def test_a_file_of_a_home_that_fails_is_named_each_time(tmp_path: Path, kinds: Kinds[object]) -> None:
    folder = tmp_path / str(kinds._folder)
    folder.mkdir()
    (folder / "bad.py").write_text("import no_such_library")
    Home(tmp_path)
    for _ in range(2):
        with pytest.raises(DefinitionError, match=rf"^{folder.name}/bad\.py:1: got .ModuleNotFoundError"):
            kinds.read({kinds.key: "mine"})
        assert kinds.names()  # what does not need the file works
    Home(tmp_path / "other")
    assert kinds.names()


def test_a_model_is_read_with_the_kinds_of_its_own_home(place: Home, tmp_path: Path) -> None:
    (place.root / "learners").mkdir()
    (place.root / "learners" / "mine.py").write_text(LEARNER.format("A", "A"))
    edit(place, "models/small.toml", 'kind = "lightgbm"', 'kind = "mine"')
    Home(tmp_path / "other")
    with pytest.raises(DefinitionError, match=r"\(learner\.(?!kind)"):  # its parameters are those of another kind
        place.model("small")


def test_a_file_is_no_home(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"--home: got '.*file'; allowed: a directory"):
        locate(tmp_path / "file")


def test_an_empty_store_is_refused_and_not_created(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing stored.*bullbear simulate"):
        Home(tmp_path / "home").filled_store()
    assert not (tmp_path / "home").exists()


def test_a_definition_of_the_home_wins_over_the_packaged_one(place: Home) -> None:
    assert {"base", "small", "climatology", "lightgbm", "logistic"} <= set(place.names("models"))
    packaged = place.find("models", "climatology")
    assert not packaged.is_relative_to(place.root)
    shutil.copy(packaged, place.root / "models")
    assert place.find("models", "climatology") == place.root / "models" / "climatology.toml"


@pytest.mark.parametrize("name", sorted({*PACKAGED} - SHARED_FILES))
def test_packaged_models_load(tmp_path: Path, name: str) -> None:
    assert Home(tmp_path).model(name).definition.name == name


def test_a_model_may_be_named_by_its_path(place: Home) -> None:
    assert place.model("models/small.toml").definition == place.model("small").definition


def test_an_unknown_model_names_the_known_ones(place: Home) -> None:
    with pytest.raises(DefinitionError, match=r"models/nope\.toml: .*allowed: .*base, .*climatology, .*lightgbm"):
        place.model("nope")


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("models/small.toml", 'name = "small"', 'name = "other"', r"models/small\.toml:2: got 'other'"),
        ("models/small.toml", "seed = 3", "sead = 3", r"models/small\.toml:5 \(sead\): got 'sead'; allowed: .*seed"),
        ("models/small.toml", "seed = 3", "seed = -3", r"models/small\.toml:5 \(seed\): got -3"),
        ("models/small.toml", "seed = 3", "seed = ", r"models/small\.toml.*.*line 5.*valid TOML"),
        ("models/small.toml", '["tiny"]', '["tini"]', r"models/small\.toml:4: got 'tini'; allowed: .*tiny"),
        (
            "models/small.toml",
            'kind = "lightgbm"',
            'kind = "forest"',
            r"models/small\.toml:7 \(learner.kind\): got 'forest'",
        ),
        ("models/small.toml", "bags = 2", "bags = 0", r"models/small\.toml:8 \(learner.bags\): got 0"),
        (
            "models/small.toml",
            "bags = 2",
            "bag = 2",
            r"models/small\.toml:8 \(learner.bag\): got 'bag'; allowed: .*bags",
        ),
        (
            "models/small.toml",
            "[splitter]",
            "[policy]\nbull_abov = 1\n[splitter]",
            r"small\.toml:17 \(policy.bull_abov\)",
        ),
        (
            "models/small.toml",
            'kind = "lightgbm"\nbags = 2',
            'kind = "logistic"\nindependence = 21.0',
            r"models/small\.toml:8 \(learner.independence\): got 'independence'; allowed: one of kind, penalty, clip",
        ),
        ("features/tiny.toml", "window = 14", "window = 0", r"features/tiny\.toml:8 .*window = 0"),
        ("features/tiny.toml", '"rsi"', '"rsj"', r"features/tiny\.toml:6 .*got 'rsj'"),
        ("features/tiny.toml", '"vix"', '"rsi_14"', r"features/tiny\.toml:10.*got 'rsi_14'"),
    ],
)
def test_a_mistake_in_a_definition_is_told_with_file_and_line(
    place: Home, name: str, old: str, new: str, message: str
) -> None:
    edit(place, name, old, new)
    with pytest.raises(DefinitionError, match=message):
        place.model("small")


def test_the_hash_follows_the_meaning_not_the_layout(place: Home) -> None:
    before = place.model("small").definition_hash
    edit(place, "models/small.toml", "seed = 3", "seed=3  # a comment")
    edit(place, "features/tiny.toml", "[[factor]]", "\n# another\n[[factor]]")
    assert place.model("small").definition_hash == before


def test_the_order_of_a_universe_leaves_the_hash(place: Home) -> None:
    edit(place, "features/tiny.toml", "[[factor]]", '[universe]\nassets = ["XLF", "IWM"]\n[[factor]]')
    before = place.model("small").definition_hash
    edit(place, "features/tiny.toml", '"XLF", "IWM"', '"IWM", "XLF"')
    assert place.model("small").definition_hash == before
    edit(place, "features/tiny.toml", '"IWM", "XLF"', '"IWM", "SPY"')
    assert place.model("small").definition_hash != before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("models/small.toml", "Small trees on two factors.", "Another sentence of intent."),
        ("features/tiny.toml", "Two factors are enough to exercise the edge.", "Another sentence of why."),
        ("features/tiny.toml", 'function = "rsi"', 'function = "rsi"\nwhy = "Overbought or oversold."'),
        ("features/tiny.toml", "\nparams = { window = 14 }", ""),  # the default of rsi
        ("features/tiny.toml", "window = 14 }", "window = 14 }\nsign = 0"),
        ("models/small.toml", "bags = 2", "bags = 2\nlearning_rate = 0.03"),
        ("models/small.toml", "bags = 2", "bags = 2\nlambda_l2 = 10"),
        ("models/small.toml", "prior_sd = 0.5", "prior_sd = 0.5\nprior_mean = 0\nceiling = 1.0"),
        ("models/small.toml", "[calibration]", "[target]\nhorizon = 21\n[calibration]"),
        ("models/small.toml", "[calibration]", "[policy]\nbull_above = 0.60\n[calibration]"),
    ],
)
def test_prose_and_defaults_written_out_leave_the_hash(place: Home, name: str, old: str, new: str) -> None:
    before = place.model("small").definition_hash
    edit(place, name, old, new)
    assert place.model("small").definition_hash == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("features/tiny.toml", "window = 14", "window = 15"),
        ("features/tiny.toml", 'bars = "IWM"', 'bars = "SPY"'),
        ("features/tiny.toml", "window = 14 }", "window = 14 }\nsign = -1"),
        ("features/tiny.toml", '"rsi_14"', '"rsi_15"'),
        ("models/small.toml", "seed = 3", "seed = 4"),
        ("models/small.toml", "bags = 2", "bags = 3"),
        ("models/small.toml", "bags = 2", "bags = 2\nlambda_l2 = 11.0"),
        ("models/small.toml", "prior_sd = 0.5", "prior_sd = 0.4"),
        ("models/small.toml", "prior_sd = 0.5", "prior_sd = 0.5\nprior_mean = 0.1"),
        ("models/small.toml", "[calibration]", "[target]\nhorizon = 10\n[calibration]"),
        ("models/small.toml", "[calibration]", "[policy]\nbull_above = 0.56\n[calibration]"),
        ("models/small.toml", "[splitter]", "[splitter]\nembargo = 1"),
    ],
)
def test_every_changed_parameter_changes_the_hash(place: Home, name: str, old: str, new: str) -> None:
    before = place.model("small").definition_hash
    edit(place, name, old, new)
    assert place.model("small").definition_hash != before


def test_a_default_that_changes_in_the_code_changes_the_hash(place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(place, "features/tiny.toml", "\nparams = { window = 14 }", "")
    before = place.model("small").definition_hash
    rsi = registered()["rsi"]
    other = dataclasses.replace(rsi, parameters={"window": 21}, defaults={"window": 21})
    monkeypatch.setitem(registry._FACTORS._entries, "rsi", other)
    with_other_factor = place.model("small").definition_hash
    assert with_other_factor != before
    monkeypatch.setattr(GradientBoosting.model_fields["learning_rate"], "default", 0.04)
    GradientBoosting.model_rebuild(force=True)
    try:
        assert place.model("small").definition_hash not in (before, with_other_factor)
    finally:
        monkeypatch.undo()
        GradientBoosting.model_rebuild(force=True)
    assert place.model("small").definition_hash == before


def test_a_table_that_cannot_be_read_into_the_hash_is_refused(place: Home) -> None:
    model = place.model("small")
    with pytest.raises(TypeError, match="dict is not a Definition"):
        replace(model.parts, rule=Rule({})).meaning(model.feature_sets)  # type: ignore[arg-type]


def test_a_home_that_does_not_exist_is_refused_and_made_only_on_request(tmp_path: Path) -> None:
    missing = r"--home: got '.*{}'; allowed: a folder that exists; check the path; .*--create$"
    (tmp_path / "link").symlink_to(tmp_path / "unmounted" / "home")
    for name in ("disk/home", "link", "new"):
        with pytest.raises(InputError, match=missing.format(name)):
            locate(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["link"]
    assert locate(tmp_path / "disk" / "home", create=True).root == tmp_path / "disk" / "home"
    assert locate(tmp_path / "disk" / "home").root.is_dir()


@pytest.mark.parametrize(
    ("file", "asked", "remedy"),
    [
        ("small.toml", "Small", "did you mean small?"),
        ("small.toml", "smal", "did you mean small?"),
        ("Mine.toml", "mine", "rename models/Mine.toml to mine.toml"),
        ("mine.TOML", "mine", "rename models/mine.TOML to mine.toml"),
        ("small.toml", "zzz", "choose one or add it"),
    ],
)
def test_a_name_in_another_case_is_answered_with_the_name_that_exists(
    place: Home, file: str, asked: str, remedy: str
) -> None:
    (place.root / "models" / "small.toml").rename(place.root / "models" / file)
    with pytest.raises(DefinitionError, match=rf"models/{asked}.toml: no such file.*{re.escape(remedy)}$"):
        place.model(asked)


def test_a_file_named_in_capitals_is_to_be_renamed(place: Home) -> None:
    (place.root / "models" / "small.toml").rename(place.root / "models" / "Small.toml")
    with pytest.raises(DefinitionError, match=r"models/Small.toml:2: got 'small'.*rename the file to small.toml"):
        place.model("Small")


def test_a_feature_set_in_another_case_is_answered_with_the_name_that_exists(place: Home) -> None:
    (place.root / "features" / "tiny.toml").rename(place.root / "features" / "Tiny.toml")
    with pytest.raises(
        DefinitionError, match=r"models/small.toml:4: got 'tiny'.*rename features/Tiny.toml to tiny.toml"
    ):
        place.model("small")


def test_a_byte_order_mark_changes_nothing(place: Home) -> None:
    plain = place.model("small")
    for name in ("models/small.toml", "features/tiny.toml"):
        path = place.root / name
        path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    marked = place.model("small")
    assert marked.definition == plain.definition
    assert marked.definition_hash == plain.definition_hash
    assert marked.source.line_of(("learner", "bags")) == plain.source.line_of(("learner", "bags"))


@pytest.mark.parametrize(("fraction", "least"), [("0.003", 252), ("0.0005", 1000)])
def test_a_bag_without_a_row_is_refused_at_loading(place: Home, fraction: str, least: int) -> None:
    edit(place, "models/small.toml", "bags = 2", f"bagging_fraction = {fraction}")
    edit(place, "models/small.toml", "burn_in_months", f"min_train = {least}\nburn_in_months")
    with pytest.raises(
        DefinitionError,
        match=rf"models/small.toml:8 \(learner.bagging_fraction\): got {fraction}; allowed: at least one .* = {least} ",
    ):
        place.model("small")
    edit(place, "models/small.toml", fraction, "0.004")
    assert place.model("small").definition.name == "small"


def test_what_a_killed_process_has_staged_is_removed_and_what_another_stages_now_is_not(tmp_path: Path) -> None:
    home = Home(tmp_path)
    left = home.forecasts / ".staged-left"
    left.mkdir(parents=True)
    (left / "bundle").mkdir()
    (left / ".lock").touch()
    with home.staging() as first:
        assert not left.exists()
        with home.staging() as second:
            assert first.is_dir()
            assert second.is_dir()
            assert first != second
    assert list(home.forecasts.glob(".staged-*")) == []


def test_the_homes_odds_events_add_to_the_packaged_ones_and_win_by_name(tmp_path: Path) -> None:
    packaged = {event.name: event for event in Home(tmp_path).events().event}
    known = next(iter(packaged))
    event = 'direction = "bullish"\nfunction = "rsi"\nparams = { window = 2 }\nrule = "falls_through"\nlevel = 10.0\n'
    events = [
        f'[[event]]\nname = "{name}"\nindicator = "RSI"\nsays = "RSI(2) fell"\n{event}' for name in ("mine", known)
    ]
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "odds.toml").write_text('name = "odds"\nwhy = "My own events."\n' + "\n".join(events))
    found = {each.name: each for each in Home(tmp_path).events().event}
    assert set(found) == {*packaged, "mine"}
    assert (found[known].says, packaged[known].says != "RSI(2) fell") == ("RSI(2) fell", True)
    assert all(found[name] == each for name, each in packaged.items() if name != known)


@pytest.mark.parametrize(("scale", "needed"), [("garch", "daily_return_0"), ("implied", "log_vix")])
def test_a_scale_without_its_factor_is_refused_at_loading(place: Home, scale: str, needed: str) -> None:
    path = place.root / "models" / "small.toml"
    text = path.read_text()
    table = text[text.index("[learner]") :].split("\n\n")[0]
    path.write_text(text.replace(table, f'[learner]\nkind = "distribution"\nscale = "{scale}"'))
    line = path.read_text().split("\n").index(f'scale = "{scale}"') + 1
    with pytest.raises(
        DefinitionError, match=rf"models/small.toml:{line} \(learner.scale\): got '{scale}'; allowed: {needed}, which"
    ):
        place.model("small")


def test_a_scale_of_one_asset_is_refused_with_a_universe_at_loading(place: Home) -> None:
    (place.root / "models" / "outlook.toml").write_text(place.find("models", "outlook").read_text())
    features = place.root / "features" / "daily_returns.toml"
    features.write_text(place.find("features", "daily_returns").read_text() + '\n[universe]\nassets = ["IWM", "SPY"]\n')
    where, allowed = r"outlook.toml:\d+ \(member.1.learner.scale\)", '"har" for several assets, IWM, SPY'
    with pytest.raises(DefinitionError, match=f"{where}: got 'garch'; allowed: {allowed}"):
        place.model("outlook")


@pytest.mark.parametrize(
    ("learner", "questions", "message"),
    [
        (
            'kind = "predictive_regression"',
            "",
            r"small.toml:LEARNER \(learner.kind\): got 'predictive_regression'; .* on one factor, not 2",
        ),
        (
            'kind = "combination_forecast"\ncombine = "trimmed_mean"',
            "",
            r"small.toml:COMBINE \(learner.combine\): got 'trimmed_mean'; allowed: mean or dmspe for fewer than three",
        ),
        (
            'kind = "christoffersen_diebold"',
            'questions = ["up", "dip8"]\n',
            r"small.toml:QUESTIONS \(questions.1\): got 'dip8, of the kind dip'; allowed: a question about the return",
        ),
    ],
)
def test_an_expert_that_cannot_answer_is_refused_at_loading(
    place: Home, learner: str, questions: str, message: str
) -> None:
    path = place.root / "models" / "small.toml"
    text = path.read_text()
    table = text[text.index("[learner]") :].split("\n\n")[0]
    path.write_text(text.replace(table, f"[learner]\n{learner}").replace("features =", f"{questions}features ="))
    lines = path.read_text().split("\n")
    for word, start in (("LEARNER", "kind = "), ("COMBINE", "combine"), ("QUESTIONS", "questions")):
        number = next((place for place, line in enumerate(lines, 1) if line.startswith(start)), 0)
        message = message.replace(word, str(number))
    with pytest.raises(DefinitionError, match=message):
        place.model("small")


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        (('"sortino_60", ', '"sortino_61", '), r"jump_boosting.toml:12 \(learner.regime\): .*which lack sortino_61"),
        (("[learner]", "[learner]\nstart = 2"), r"jump_boosting.toml:11 \(learner.start\)"),
        (("3.0, 10.0,", "-3.0, 10.0,"), r"jump_boosting.toml:13 \(learner.penalties.0\): got -3.0"),
    ],
)
def test_what_jump_boosting_cannot_use_is_refused_with_its_line(
    place: Home, change: tuple[str, str], refused: str
) -> None:
    text = place.find("models", "jump_boosting").read_text()
    (place.root / "models" / "jump_boosting.toml").write_text(text.replace(*change))
    with pytest.raises(DefinitionError, match=refused):
        place.model("jump_boosting")


def test_a_question_that_a_learner_cannot_answer_is_refused_with_its_line(place: Home) -> None:
    text = place.find("models", "boosted_returns").read_text()
    assert '"move5"]' in text
    (place.root / "models" / "boosted_returns.toml").write_text(text.replace('"move5"]', '"dip5"]'))
    refused = r"boosted_returns.toml:3 \(questions.2\): got 'dip5, of the kind dip'; allowed: .*return_above"
    with pytest.raises(DefinitionError, match=refused):
        place.model("boosted_returns")


def test_the_pooled_assets_are_those_that_the_simulated_market_has_too(place: Home) -> None:
    pooled = place.model("pooled_logistic")
    (assets,) = {feature_set.universe.assets for feature_set in pooled.feature_sets}
    assert {"IWM", "^RUT"} < set(assets) <= {*FUNDS, "^RUT"}
    assert {spec.inputs.get("bars", "$asset") for each in pooled.feature_sets for spec in each.factor} == {"$asset"}


TIMID = """
from typing import Literal

from bullbear.learn import CALIBRATORS
from bullbear.learn.calibrators.shrinkage import Shrinkage


@CALIBRATORS.register
class Timid(Shrinkage):
    kind: Literal["timid"]
"""
CHOSEN = """name = "mine"
intent = "A calibrator of the home among those that may be chosen."
[learner]
kind = "climatology"
window = 252
[calibration]
kind = "chosen"
among = [{ kind = "shrinkage" }, { kind = "timid" }]
"""


def test_a_calibrator_that_may_be_chosen_is_part_of_the_model(tmp_path: Path) -> None:
    for name, text in (("calibrators/timid.py", TIMID), ("models/mine.toml", CHOSEN)):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    before = Home(tmp_path).model("mine")
    recorded = user_code_of(before.definition, before.feature_sets, before.policy.model_dump(mode="json"))
    assert list(recorded) == ["calibrators/timid.py"]
    (tmp_path / "calibrators" / "timid.py").write_text(TIMID + "    # edited\n")
    assert Home(tmp_path).model("mine").definition_hash != before.definition_hash


def test_a_home_that_lies_in_a_folder_named_pairs_keeps_its_experiment(tmp_path: Path) -> None:
    home = Home(tmp_path / "pairs" / "mine")
    home.data.mkdir(parents=True)
    assert experiment_name(home.runs) == "bullbear"
    assert experiment_name(home.on("QQQ").runs) == "bullbear-QQQ"
