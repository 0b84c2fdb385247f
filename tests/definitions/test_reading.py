"""Definitions are refused at loading, with the file and the line on which a person would mend them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bullbear.definitions import (
    FactorSpec,
    FeatureSet,
    ModelDefinition,
    Source,
    Target,
    digest,
    read,
    validate,
)
from bullbear.errors import DefinitionError

FEATURES = """\
name = "technical"
why = "What the price itself says about the month to come."

# [[factor]] in a comment opens nothing
[[factor]]
name = "rsi_14"
function = "rsi"
inputs = { bars = "IWM" }
params = { window = 14 }
sign = -1

[[factor]]
name = "slope_50"
function = "slope"
inputs = { bars = "IWM" }
params = { window = 50, robust = true }
"""

MODEL = """\
name = "tiny"
intent = "A model to be tested."
features = ["technical"]
seed = 7

[target]
ticker = "IWM"
horizon = 21

[splitter]
first = "2010-01-01"
refit = "quarter"

[learner]
kind = "logistic"
penalty = 10.0
"""


@pytest.fixture
def put(tmp_path: Path):
    """Write a text as features/some.toml."""

    def write(text: str, name: str = "some.toml") -> Path:
        path = tmp_path / "features" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def refusal(path: Path, kind: type[FeatureSet] | type[ModelDefinition] = FeatureSet) -> str:
    with pytest.raises(DefinitionError, match=r"^features/some\.toml") as caught:
        read(path, kind)
    return str(caught.value)


def test_a_feature_set_is_read_whole(put) -> None:
    found, source = read(put(FEATURES), FeatureSet)
    assert found.name == "technical"
    assert found.factor == (
        FactorSpec(name="rsi_14", function="rsi", inputs={"bars": "IWM"}, params={"window": 14}, sign=-1),
        FactorSpec(name="slope_50", function="slope", inputs={"bars": "IWM"}, params={"window": 50, "robust": True}),
    )
    assert found.factor[1].params["robust"] is True
    assert source.text == FEATURES


def test_a_model_is_read_with_its_defaults(put) -> None:
    found, _ = read(put(MODEL), ModelDefinition)
    assert found.splitter == {"first": "2010-01-01", "refit": "quarter"}
    assert found.target == Target(ticker="IWM", horizon=21)
    assert found.learner == {"kind": "logistic", "penalty": 10.0}
    assert (found.seed, found.features, found.calibration, found.policy) == (7, ("technical",), {}, {})


def test_definitions_are_frozen(put) -> None:
    found, _ = read(put(MODEL), ModelDefinition)
    with pytest.raises(ValidationError, match="Instance is frozen"):
        found.seed = 8


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "sign = -1",
            "sing = -1",
            "features/some.toml:10 (factor.0.sing): got 'sing'; "
            "allowed: one of name, function, inputs, params, sign, why; remove or rename the key",
        ),
        (
            'why = "What',
            'because = "What',
            "features/some.toml:2 (because): got 'because'; "
            "allowed: one of name, why, universe, factor; remove or rename the key",
        ),
        (
            'function = "slope"\n',
            "",
            "features/some.toml:12 (factor.1.function): missing; allowed: a value; add the key",
        ),
        (
            'name = "slope_50"',
            "name = 50",
            "features/some.toml:13 (factor.1.name): got 50; allowed: a text in quotes; correct the file",
        ),
        (
            'name = "rsi_14"',
            'name = "RSI 14"',
            "features/some.toml:6 (factor.0.name): got 'RSI 14'; "
            "allowed: lower-case letters, digits and _, beginning with a letter; correct the file",
        ),
        (
            "sign = -1",
            "sign = 2",
            "features/some.toml:10 (factor.0.sign): got 2; allowed: -1, 0 or 1; correct the file",
        ),
        (
            "window = 50,",
            "window = [50],",
            "features/some.toml:16 (factor.1.params.window): got [50]; allowed: true or false or a whole number "
            "or a number or a text in quotes; "
            "correct the file",
        ),
        (
            '"What the price itself says about the month to come."',
            '"Short."',
            "features/some.toml:2 (why): got 'Short.'; allowed: a text of at least 10 characters; correct the file",
        ),
    ],
    ids=["unknown", "missing", "missing in array", "type", "pattern", "literal", "union in inline table", "sentence"],
)
def test_what_does_not_fit_a_feature_set_is_named_with_its_line(put, old: str, new: str, message: str) -> None:
    assert FEATURES.count(old) == 1
    assert refusal(put(FEATURES.replace(old, new))) == message


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "allowed"),
    [
        (
            "seed = 7",
            "sead = 7",
            4,
            "sead",
            "one of name, intent, seed, questions, target, features, splitter",
        ),
        ("intent = ", "intnt = ", 2, "intnt", "one of name, intent, seed"),  # a key that the file must have, misspelt
        ("horizon = 21", 'horizon = "21"', 8, "target.horizon", "a whole number"),
        ("horizon = 21", "horizon = 21.0", 8, "target.horizon", "a whole number"),
        ("horizon = 21", "horizon = 0", 8, "target.horizon", "a number from 1 on"),
        ("horizon = 21", "horizons = 21", 8, "target.horizons", "one of ticker, horizon"),
        ("seed = 7", "seed = true", 4, "seed", "a whole number"),
        ("seed = 7", "seed = -1", 4, "seed", "a number from 0 on"),
        ('["technical"]', '["technical", 3]', 3, "features.1", "a text in quotes"),
        ('["technical"]', '"technical"', 3, "features", "a list"),
    ],
)
def test_what_does_not_fit_a_model_is_named_with_its_line(
    put,
    old: str,
    new: str,
    line: int,
    key: str,
    allowed: str,
) -> None:
    message = refusal(put(MODEL.replace(old, new)), ModelDefinition)
    assert message.startswith(f"features/some.toml:{line} ({key}): ")
    assert allowed in message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (FEATURES.replace("sign = -1", "sign = -1\nsign = 1"), 11),
        (FEATURES + "params = { window = 20 }\n", 17),
        (MODEL.replace("[learner]", "[target]\n\n[learner]"), 14),
        (MODEL.replace("seed = 7", "seed = = 7"), 4),
        (FEATURES + 'why = "never closed', 17),
    ],
    ids=["key twice", "inline table twice", "table twice", "syntax", "at the end"],
)
def test_a_duplicate_key_or_a_slip_is_named_with_its_line(put, text: str, line: int) -> None:
    message = refusal(put(text))
    assert message.startswith(f"features/some.toml:{line}: got ")
    assert message.endswith("; allowed: valid TOML; mend the syntax")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    with pytest.raises(DefinitionError, match=r"models/none\.toml: got 'No such file or directory'; .* check the name"):
        read(folder / "none.toml", ModelDefinition)
    (folder / "latin.toml").write_bytes(b'name = "\xe9t\xe9"\n')
    with pytest.raises(DefinitionError, match=r"models/latin\.toml: got 'bytes that are not UTF-8'; .* save .* UTF-8"):
        read(folder / "latin.toml", ModelDefinition)


def test_an_empty_list_of_factors_is_refused(put) -> None:
    message = refusal(put('name = "none"\nwhy = "A set without factors."\nfactor = []\n'))
    assert message.startswith("features/some.toml:3 (factor): got []; allowed: a list of at least 1")


def test_a_table_below_another_is_named_by_its_whole_path() -> None:
    source = Source(Path("models/tiny.toml"), MODEL)
    with pytest.raises(DefinitionError, match=r"^models/tiny\.toml:8 \(target\.horizon\): got 'x'"):
        validate({"horizon": "x"}, Target, source, below=("target",))
    with pytest.raises(DefinitionError, match=r"^python/here:1 \(horizon\): got 'x'"):
        validate({"horizon": "x"}, Target, Source.nowhere("here"))


@pytest.mark.parametrize(
    ("location", "line"),
    [
        (("name",), 1),
        (("factor",), 5),
        (("factor", 0), 5),
        (("factor", 0, "params"), 9),
        (("factor", 0, "params", "window"), 9),
        (("factor", 0, "why"), 5),
        (("factor", 1), 12),
        (("factor", 1, "params", "robust"), 16),
        (("factor", 2, "name"), 5),
        (("nothing",), 1),
        ((), 1),
    ],
)
def test_line_of_arrays_of_tables_and_inline_tables(location: tuple[str | int, ...], line: int) -> None:
    source = Source(Path("features/technical.toml"), FEATURES)
    assert source.line_of(location) == line
    assert source.where(*location) == f"features/technical.toml:{line}"


HARD = '''\
title = """
name = "not a key"
[[event]]
"""
note = "a \u2028 separator that TOML does not take for a new line"
"quoted" = 1
point.x = 1

[[event]] # the first
name = "a"

  [event.window]
  start = 1

[[event.leg]]
side = 1

[[event.leg]]
side = 2

[[event]]
name = "b"
[event.window]
start = 3
[[event.leg]]
side = 4

[deep.er]
key = 5
list = [
  "name",
]
last = 6
'''


@pytest.mark.parametrize(
    ("location", "line"),
    [
        (("quoted",), 6),
        (("point",), 7),
        (("point", "x"), 7),
        (("event", 0, "name"), 10),
        (("event", 0, "window"), 12),
        (("event", 0, "window", "start"), 13),
        (("event", 0, "leg", 0, "side"), 16),
        (("event", 0, "leg", 1, "side"), 19),
        (("event", 1, "name"), 22),
        (("event", 1, "window", "start"), 24),
        (("event", 1, "leg", 0, "side"), 26),
        (("deep",), 28),
        (("deep", "er", "key"), 29),
        (("deep", "er", "last"), 33),
    ],
)
def test_line_of_in_a_hard_text(location: tuple[str | int, ...], line: int) -> None:
    value = tomllib.loads(HARD)
    for part in location:
        value = value[part]
    assert Source(Path("odds/hard.toml"), HARD).line_of(location) == line


NAMES = st.lists(st.from_regex(r"[a-z]{1,6}", fullmatch=True), min_size=1, max_size=6, unique=True)


@given(tables=st.lists(NAMES, min_size=1, max_size=5), blanks=st.integers(0, 3))
def test_line_of_every_key_of_every_table(tables: list[list[str]], blanks: int) -> None:
    lines: list[str] = []
    places = {}
    for number, keys in enumerate(tables):
        lines += [""] * blanks + ["[[item]]"]
        places["item", number] = len(lines)
        for key in keys:
            lines.append(f"{key} = {number}")
            places["item", number, key] = len(lines)
    source = Source(Path("a/b.toml"), "\n".join(lines))
    assert {location: source.line_of(location) for location in places} == places


def test_digest_is_the_sha256_of_canonical_json() -> None:
    # sha256 of the 15 bytes [{"a":1,"b":2}] as `printf | sha256sum` gives it
    assert digest({"b": 2, "a": 1}) == "44c7deead2ed8313d29655e45c0d1469419213c93d9f44d66da7c7afe46e74e3"


def test_digest_ignores_layout_comments_and_the_order_of_keys(put) -> None:
    moved = """\
# the same meaning
why    = 'What the price itself says about the month to come.'
name   = 'technical'
factor = [
  { sign = -1, inputs = { bars = "IWM" }, params = { window = 14 }, function = "rsi", name = "rsi_14" },
  { params = { robust = true, window = 50 }, name = "slope_50", function = "slope", inputs = { bars = "IWM" } },
]
"""
    assert digest(read(put(FEATURES), FeatureSet)[0]) == digest(read(put(moved, "moved.toml"), FeatureSet)[0])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("window = 14", "window = 15"),
        ("robust = true", "robust = false"),
        ("sign = -1", "sign = 1"),
        ('bars = "IWM" }\nparams = { window = 14', 'bars = "SPY" }\nparams = { window = 14'),
        ('name = "rsi_14"', 'name = "rsi_15"'),
    ],
)
def test_digest_changes_with_the_meaning(put, old: str, new: str) -> None:
    assert digest(read(put(FEATURES), FeatureSet)[0]) != digest(
        read(put(FEATURES.replace(old, new), "new.toml"), FeatureSet)[0]
    )


def test_digest_follows_the_order_of_factors_and_of_parts() -> None:
    assert digest("a", "b") != digest("b", "a")
    assert digest("ab") != digest("a", "b")
    assert digest({"x": [1, 2]}) != digest({"x": [2, 1]})
    assert digest({"x": 1}) != digest({"x": True})


def test_a_stated_default_means_what_it_means_unstated() -> None:
    assert digest(Target()) == digest(Target(ticker="IWM", horizon=21))


SCALARS = st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text())


@given(table=st.dictionaries(st.text(), SCALARS, max_size=6), seed=st.randoms())
def test_digest_does_not_see_the_order_of_any_table(table: dict[str, object], seed) -> None:
    keys = list(table)
    seed.shuffle(keys)
    assert digest(table) == digest({key: table[key] for key in keys})
