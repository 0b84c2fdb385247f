"""Settings: defaults, keys from the environment first, refusals with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bullbear.errors import DefinitionError
from bullbear.settings import settings_of


def test_a_home_without_the_file_has_the_defaults(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, {})
    assert settings.fetch.prices[0] == "IWM"
    assert (settings.http.attempts, settings.staleness.max_share, settings.keys.fred) == (5, 0.5, None)


def test_keys_come_from_the_environment_first_and_are_never_shown(tmp_path: Path) -> None:
    (tmp_path / "bullbear.toml").write_text('[keys]\nfred = "from-file"\ntiingo = "t-key"\n[fetch]\nprices = ["SPY"]\n')
    settings = settings_of(tmp_path, {"FRED_API_KEY": "from-environment"})
    assert settings.keys.fred is not None
    assert settings.keys.tiingo is not None
    assert settings.keys.fred.get_secret_value() == "from-environment"
    assert settings.keys.tiingo.get_secret_value() == "t-key"
    assert settings.fetch.prices == ("SPY",)
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "from-environment" not in shown
        assert "t-key" not in shown


def test_names_to_fetch_are_taken_in_any_letter_case_and_once(tmp_path: Path) -> None:
    (tmp_path / "bullbear.toml").write_text('[fetch]\nprices = ["iwm", "IWM", " ^Vix"]\nmacro = ["dgs10"]\n')
    settings = settings_of(tmp_path, {})
    assert (settings.fetch.prices, settings.fetch.macro) == (("IWM", "^VIX"), ("DGS10",))


def test_an_unknown_key_is_refused_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "bullbear.toml").write_text("[http]\nattempts = 3\nretries = 4\n")
    with pytest.raises(DefinitionError, match=r"bullbear\.toml:3 \(http\.retries\): got 'retries'"):
        settings_of(tmp_path, {})


def test_a_value_outside_its_bounds_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bullbear.toml").write_text("[http]\nattempts = 0\n")
    with pytest.raises(
        DefinitionError, match=r"bullbear\.toml:2 \(http\.attempts\): got 0; allowed: a number (from|above)"
    ):
        settings_of(tmp_path, {})


@pytest.mark.parametrize(
    "text",
    [
        "[keys]\nfred = 73910486\n",
        '[keys]\ntiingo = ["73910486"]\n',
        '[keys]\nfred = { key = "73910486" }\n',
        'keys = "73910486"\n',
        "keys = [73910486]\n",
        '[[keys]]\nfred = "73910486"\n',
    ],
)
def test_a_key_of_the_wrong_type_is_not_shown(tmp_path: Path, text: str) -> None:
    (tmp_path / "bullbear.toml").write_text(text)
    with pytest.raises(DefinitionError, match=r"bullbear.toml:\d+ .*: got 'a value that is not shown'") as told:
        settings_of(tmp_path, {})
    assert "73910486" not in str(told.value)


def test_a_wrong_type_beside_the_keys_is_shown(tmp_path: Path) -> None:
    (tmp_path / "bullbear.toml").write_text('[http]\nattempts = "many"\n')
    with pytest.raises(DefinitionError, match="got 'many'"):
        settings_of(tmp_path, {})


def test_a_byte_order_mark_in_the_settings_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "bullbear.toml").write_bytes(b"\xef\xbb\xbf[staleness]\nmax_sessions_behind = 2\n")
    assert settings_of(tmp_path, {}).staleness.max_sessions_behind == 2
