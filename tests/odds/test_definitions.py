from __future__ import annotations

from pathlib import Path

import pytest

from bullbear.errors import DefinitionError, InputError
from bullbear.odds import EventSet, load

HEAD = 'name = "odds"\nwhy = "Events under test."\n'
EVENT = """
[[event]]
name = "up"
indicator = "ROC(3)"
direction = "bullish"
function = "roc"
params = { window = 3 }
rule = "rises_through"
level = 0.0
says = "the price rose over three days"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "odds.toml"
    path.write_text(text)
    return path


def test_packaged_events_load_and_cover_the_well_known_ones(events: EventSet) -> None:
    indicators = {event.indicator.split("(")[0] for event in events.event}
    assert indicators >= {
        "MACD", "RSI", "Momentum", "SMA", "Three-day run", "Bollinger", "Stochastic", "Aroon", "ADX",
        "Volume breakout", "Levels", "Days to cover", "Short interest",
    }  # fmt: skip
    assert {event.direction for event in events.event} == {"bullish", "bearish"}


def test_an_event_names_the_factor_of_any_ticker(events: EventSet) -> None:
    (event,) = events.named(["golden_cross"])
    spec = event.factor("QQQ")
    assert spec.inputs == {"bars": "QQQ"}
    assert spec.params == {"fast": 50, "slow": 200}


def test_an_unknown_event_is_refused(events: EventSet) -> None:
    with pytest.raises(InputError, match=r"event: got 'golden_goose'; allowed: macd_turns_positive"):
        events.named(["golden_goose"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (EVENT.replace('"roc"', '"rocket"'), r"odds.toml:8 \(up\): got 'rocket'; allowed: a registered factor"),
        (EVENT.replace("window = 3", "windows = 3"), r"odds.toml:9 \(up\): got 'windows'; allowed: window"),
        (EVENT.replace("window = 3", "window = 0"), r"odds.toml:9 \(up\): got 'window = 0'"),
        (EVENT.replace('"bullish"', '"upward"'), r"odds.toml:7 \(event.0.direction\): got 'upward'"),
        (EVENT.replace("rises_through", "jumps"), r"odds.toml:10 \(event.0.rule\): got 'jumps'"),
        (
            EVENT.replace("rises_through", "stays_above"),
            r"odds.toml:10 \(up\): sessions is missing; allowed: sessions with",
        ),
        (EVENT + "sessions = 4\n", r"odds.toml:13 \(up\): got 4; allowed: no sessions with rises_through"),
        (EVENT + "colour = 1\n", r"odds.toml:13 \(event.0.colour\): got 'colour'"),
        (EVENT.replace("level = 0.0", "level = nan"), r"odds.toml:11 \(event.0.level\)"),
        (EVENT + EVENT, r"odds.toml:15: got 'up'; allowed: a new name \(it is used at .*odds.toml:5\)"),
        ("", r"odds.toml:1 \(event\): missing"),
        (
            EVENT.replace('"roc"', '"level_signal"').replace("window = 3", 'kind = "explosion"'),
            r"odds.toml:9 \(up\): got \"kind = 'explosion'\"; allowed: one of support_break, ",
        ),
        (
            EVENT.replace('"roc"', '"level_zscore"').replace("window = 3", "window = 9"),
            r"level_zscore, which reads level \(level\)'; allowed: factors of bars",
        ),
    ],
)
def test_a_wrong_event_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        load(write(tmp_path, HEAD + text))


def test_the_name_must_be_the_files(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"odds.toml:1: got 'evens'; allowed: the file's name, odds"):
        load(write(tmp_path, HEAD.replace('"odds"', '"evens"') + EVENT))
