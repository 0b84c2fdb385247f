"""What a fetch asks for, in which order of sources, and what the command says."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pytest
from pydantic import SecretStr

from bullbear import sessions
from bullbear.data import fetching
from bullbear.data.fetching import fetch_all
from bullbear.data.providers import cboe, put_call, tiingo, yahoo
from bullbear.data.providers.delivery import Delivery
from bullbear.data.snapshot import ingest_frames
from bullbear.data.status import status
from bullbear.data.store import Store
from bullbear.errors import FetchError, InputError
from bullbear.files import STAGING
from bullbear.home import Home
from bullbear.settings import Keys, Settings
from bullbear.workflows.filling import DataSource, fill, is_unfinished

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any


def changed(settings: Settings, **fetch: Any) -> Settings:
    return settings.model_copy(update={"fetch": settings.fetch.model_copy(update=fetch)})


def test_literal_values_of_every_source(world: Any, settings: Settings, tmp_path: Path) -> None:
    store = Store(tmp_path)
    report = fetch_all(store, settings, world.instant)
    assert not report.failures
    view = store.as_of()
    assert view.raw_bars("IWM").loc["2024-01-02", "close"] == pytest.approx(190.0, rel=1e-12)
    assert view.bars("IWM").loc["2024-01-02", "close"] == pytest.approx(95.0, rel=1e-12)
    assert view.splits("IWM")["ratio"].to_dict() == {pd.Timestamp("2024-02-26"): 2.0}
    assert view.dividends("IWM")["amount"].to_dict() == {pd.Timestamp("2024-02-15"): 0.5}
    assert view.bars("^VIX").loc["2024-01-02", "high"] == pytest.approx(19.38)
    assert view.observations("DGS10").loc["2024-01-03", "value"] == 4.01
    assert pd.Timestamp("2024-02-05") not in view.observations("DGS10").index  # told as "."
    interest = view.short_interest("IWM")
    assert interest.loc["2024-02-15", "shares_short"] == 9_000_002.0
    # Eight sessions after settlement before T+1 of May 2024.
    assert str(interest.loc["2024-02-15", "known_at"].tz_convert("America/New_York")) == "2024-02-28 18:00:00-05:00"
    assert view.short_volume("IWM").loc["2024-03-07", "short_volume"] == 5_000_007.5
    holdings = store.as_of(pd.Timestamp("2024-03-12", tz="UTC")).holdings("IWM")
    assert (len(holdings), holdings["weight"].sum(), holdings["sector"].iloc[0]) == (20, 100.0, "Industrials")
    shares = store.as_of(pd.Timestamp("2024-03-12", tz="UTC")).observations("IWM_SHARES_OUTSTANDING")
    assert shares["value"].tolist() == [281_250_000.0]


def test_a_forecast_repeats_what_it_saw_before_a_later_fetch(world: Any, settings: Settings, tmp_path: Path) -> None:
    store = Store(tmp_path)
    world.misbehave("fred", "html")
    fetch_all(store, settings, world.instant)
    had, decided = store.last_stored_at, pd.Timestamp("2024-03-08T21:00Z")
    # Many series, one clock: each is stored a little after the one before.
    assert world.instant <= had < world.instant + pd.Timedelta("1ms")
    before = store.as_of(decided).catalogue()
    assert not store.as_of(decided).has("observations", "DGS10")
    world.behave()
    world.now = "2024-03-12T23:30"
    fetch_all(store, settings, world.instant)
    assert store.as_of(decided).has("observations", "DGS10")  # it was public
    replayed = store.as_of(decided, stored=had)
    pd.testing.assert_frame_equal(replayed.catalogue(), before)
    assert not replayed.has("observations", "DGS10")


def test_alfred_serves_first_releases_and_revisions_on_their_day(
    world: Any, settings: Settings, tmp_path: Path
) -> None:
    settings = changed(
        settings, prices=(), indices=(), macro=("UNRATE",), short_interest=(), short_volume=(), put_call=(), holdings=()
    )
    settings = settings.model_copy(update={"keys": Keys(fred=SecretStr("secret-fred"))})
    store = Store(tmp_path)
    assert not fetch_all(store, settings, world.instant).failures
    seen = {}
    for day in ("2024-02-02 13:29", "2024-02-02 13:30", "2024-03-08 13:30"):
        seen[day] = store.as_of(pd.Timestamp(day, tz="UTC")).observations("UNRATE")["value"].round(6).tolist()
    assert seen == {
        "2024-02-02 13:29": [3.7, 3.7],
        "2024-02-02 13:30": [3.8, 3.7, 3.7],  # November is revised with the release of January
        "2024-03-08 13:30": [3.8, 3.9, 3.7, 3.9],
    }
    world.asked.clear()
    assert fetch_all(store, settings, world.instant).rows_added == 0


def test_a_fetch_asks_only_for_what_is_missing_and_an_overlap(world: Any, settings: Settings, tmp_path: Path) -> None:
    store = Store(tmp_path)
    world.today, world.now = "2024-03-06", "2024-03-06T23:30"
    fetch_all(store, settings, world.instant)
    world.today, world.now = "2024-03-08", "2024-03-08T23:30"
    world.asked.clear()
    report = fetch_all(store, settings, world.instant)
    assert report.added["raw_bars"] == 6  # two sessions of IWM, SPY and ^VIX
    assert report.added["short_volume"] == 2
    assert world.count("regsho") == 2
    assert report.revised == 0


def test_the_second_source_fills_in_and_cross_checks(world: Any, settings: Settings, tmp_path: Path) -> None:
    settings = changed(
        settings, prices=("IWM",), indices=(), macro=(), short_interest=(), short_volume=(), put_call=(), holdings=()
    )
    settings = settings.model_copy(update={"keys": Keys(tiingo=SecretStr("secret-tiingo"))})
    world.misbehave("yahoo", "500")
    filled = Store(tmp_path / "filled")
    report = fetch_all(filled, settings, world.instant)
    assert not report.failures
    assert report.notes[0] == (
        "yahoo IWM: HTTP 500, 3 tries; run `bullbear fetch` again; what arrived is kept; tiingo delivered instead"
    )
    assert len(filled.as_of().bars("IWM")) == 47
    world.misbehave("tiingo", "changed past")
    checked = Store(tmp_path / "checked")
    assert fetch_all(checked, settings, world.instant).quarantined == 1
    table = status(checked.as_of())
    assert table.loc[0, "reasons"] == "another source disagrees (1)"
    assert len(checked.as_of().bars("IWM")) == 46


def test_status_tells_rewritten_history(world: Any, settings: Settings, tmp_path: Path) -> None:
    store = Store(tmp_path)
    fetch_all(store, settings, world.instant)
    world.misbehave("cboe", "changed past")
    report = fetch_all(store, settings, world.instant)
    assert report.revised == 1
    table = status(store.as_of(world.instant + pd.Timedelta(days=1))).set_index(["kind", "series"])
    line = table.loc[("bars", "^VIX")]
    assert line["rewritten"] == 4  # open, high, low and close of one session
    assert line["largest_change"] == pytest.approx(0.01, rel=1e-3)
    assert table.loc[("bars", "IWM"), "rewritten"] == 0


def test_a_provider_that_fails_three_times_is_left_alone(world: Any, settings: Settings, tmp_path: Path) -> None:
    settings = changed(settings, macro=("DGS10", "DGS2", "DGS5", "DGS1", "DFF"))
    world.misbehave("fred", "500")
    report = fetch_all(Store(tmp_path), settings, world.instant, only=("fred",))
    assert world.count("fred") == 9
    assert [str(each).split(";")[0] for each in report.failures[2:4]] == [
        "fred DGS5: HTTP 500, 3 tries",
        "fred DGS1: not asked, fred had answered DGS5 with: HTTP 500, 3 tries",
    ]


def test_offline_each_provider_is_told_once(
    url: str, tmp_path: Path, bullbear: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    away = "http://127.0.0.1:9"
    urls = "".join(f'{name} = "{away}"\n' for name in ("yahoo", "fred", "cboe", "finra", "regsho", "ishares"))
    wanted = '[fetch]\nprices = ["IWM", "SPY", "QQQ"]\nindices = ["SKEW"]\nmacro = ["DGS10", "DGS2"]\n'
    (tmp_path / "bullbear.toml").write_text(f"{wanted}[http]\nfirst_wait = 0.01\npause = 0\n[urls]\n{urls}")
    done = bullbear("fetch", "--home", tmp_path)
    assert done.code == 1
    said = done.err.splitlines()
    tried = [line.split()[0] for line in said if "cannot connect to 127.0.0.1:9" in line]
    assert sorted(tried) == ["cboe", "finra", "fred", "ishares", "putcall", "regsho", "yahoo"]
    assert "bullbear: yahoo: 2 more series not asked for (SPY, QQQ)" in said
    assert len(said) <= 2 * len(tried)


def test_a_simulated_store_and_unknown_names_are_refused(world: Any, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--only: got 'TSLA'; allowed: a provider or series"):
        fetch_all(Store(tmp_path / "real"), settings, world.instant, only=("TSLA",))
    simulated = Store(tmp_path / "simulated")
    simulated.mark_simulated({"seed": 1})
    with pytest.raises(InputError, match=r"store: got .* allowed: a store without simulated rows"):
        fetch_all(simulated, settings, world.instant)
    assert world.asked == []


def test_the_command(world: Any, url: str, tmp_path: Path, bullbear: Callable[..., Any]) -> None:
    urls = "".join(f'{name} = "{url}"\n' for name in ("yahoo", "fred", "cboe", "finra", "regsho", "ishares"))
    wanted = '[fetch]\nprices = ["IWM"]\nindices = ["SKEW"]\nmacro = ["DGS10"]\n'
    (tmp_path / "bullbear.toml").write_text(f"{wanted}[http]\nattempts = 1\npause = 0\n[urls]\n{urls}")
    done = bullbear("fetch", "--home", tmp_path, "--only", "IWM", "--only", "SKEW", "--only", "DGS10", "--json")
    # Today is years after the world's last day, so Reg SHO has no file for any session asked; that is a note.
    assert done.code in (0, 1)
    assert done.json["added"]["raw_bars"] == 47
    assert "cboe SKEW" in done.json["arrived"]
    world.misbehave("cboe", "404")
    done = bullbear("fetch", "--home", tmp_path, "--only", "cboe")
    assert done.code == 1
    assert done.out.startswith("0 series arrived, 1 did not; added nothing new")
    assert "cboe SKEW: HTTP 404; check the series' name and `[urls]`" in done.err


def test_days_without_a_file_are_no_failure_of_a_provider_that_has_others(
    world: Any, settings: Settings, tmp_path: Path
) -> None:
    world.today, world.now = "2024-02-09", "2024-02-16T23:30"  # the last four sessions have no file (yet)
    settings = changed(settings, short_volume_start=date(2024, 2, 5))
    settings = settings.model_copy(update={"http": settings.http.model_copy(update={"give_up_after": 9})})
    report = fetch_all(Store(tmp_path), settings, world.instant, only=("regsho",))
    assert not report.failures
    assert report.added == {"short_volume": 5}
    assert report.notes.count("regsho IWM 2024-02-16: no file (yet)") == 1
    world.today = "2024-01-05"
    settings = settings.model_copy(update={"http": settings.http.model_copy(update={"give_up_after": 3})})
    blocked = fetch_all(Store(tmp_path / "blocked"), settings, world.instant, only=("regsho",))
    assert [failure.series for failure in blocked.failures] == ["IWM 2024-02-13"]
    assert "not asked, regsho had answered IWM 2024-02-14 with: HTTP 403" in str(blocked.failures[0])


def test_without_the_extra_it_says_in_one_line_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['httpx'] = None; from bullbear.cli import main; main()"
    command = [sys.executable, "-c", code, "fetch", "--home", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("bullbear: bullbear fetch needs the extra [live]: pip install 'bullbear[live]'\n")


def test_the_whole_job_fills_an_empty_home_from_the_live_providers(world: Any, url: str, tmp_path: Path) -> None:
    urls = "".join(f'{name} = "{url}"\n' for name in ("yahoo", "fred", "cboe", "finra", "regsho", "ishares"))
    nothing = "".join(f"{name} = []\n" for name in ("indices", "macro", "short_interest", "short_volume", "put_call"))
    wanted = f'[fetch]\nprices = ["IWM"]\nholdings = []\n{nothing}'
    (tmp_path / "bullbear.toml").write_text(f"{wanted}[http]\nattempts = 1\n[urls]\n{urls}")
    home, told = Home(tmp_path), []
    talk = SimpleNamespace(say=told.append)
    world.misbehave("yahoo", "500")
    with pytest.raises(FetchError, match="yahoo IWM: HTTP 500, 1 tries"):
        fill(home, DataSource(data="live"), talk)  # type: ignore[arg-type]
    assert home.store().is_empty
    world.behave()
    fill(home, DataSource(data="live"), talk)  # type: ignore[arg-type]
    assert len(home.store().as_of().bars("IWM")) == 47
    assert not is_unfinished(home)
    assert told[-1].endswith("yahoo IWM: 1 splits, 1 dividends, 47 raw_bars")


def test_a_split_between_two_fetches_restates_nothing(world: Any, settings: Settings, tmp_path: Path) -> None:
    settings = changed(
        settings, prices=("IWM",), indices=(), macro=(), short_interest=(), short_volume=(), put_call=(), holdings=()
    )
    store = Store(tmp_path)
    world.today, world.now = "2024-02-20", "2024-02-20T23:30"
    fetch_all(store, settings, world.instant)
    before = store.as_of(world.instant).bars("IWM")
    assert before["close"].iloc[0] == pytest.approx(190.0, rel=1e-12)
    world.today, world.now = "2024-03-08", "2024-03-08T23:30"  # Yahoo has halved every price since
    report = fetch_all(store, settings, world.instant)
    assert (report.revised, report.added) == (0, {"splits": 1, "raw_bars": 13})
    pd.testing.assert_frame_equal(store.as_of(pd.Timestamp("2024-02-20 23:30", tz="UTC")).bars("IWM"), before)
    after = store.as_of().bars("IWM")
    assert after["close"].iloc[: len(before)].tolist() == (before["close"] / 2).tolist()
    assert after["adj_close"].iloc[: len(before)].tolist() == before["adj_close"].tolist()


def test_whatever_one_provider_does_the_others_are_asked(
    world: Any, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def surprised(*_: object) -> Delivery:
        raise TypeError("'NoneType' object is not\niterable, secret-fred")

    settings = settings.model_copy(update={"keys": Keys(fred=SecretStr("secret-fred"))})
    expected = fetch_all(Store(tmp_path / "whole"), settings, world.instant)
    monkeypatch.setattr(cboe, "fetch", surprised)
    report = fetch_all(Store(tmp_path / "data"), settings, world.instant)
    assert [str(each) for each in report.failures] == [
        f"cboe {name}: unexpected TypeError: 'NoneType' object is not iterable, ***; "
        "report this as a bug in bullbear; stored rows are untouched"
        for name in ("VIX", "SKEW")
    ]
    assert report.arrived == [each for each in expected.arrived if not each.startswith("cboe")]


def test_a_second_source_that_fails_unexpectedly_is_only_a_second_source(
    world: Any, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = changed(
        settings, prices=("IWM",), indices=(), macro=(), short_interest=(), short_volume=(), put_call=(), holdings=()
    )
    settings = settings.model_copy(update={"keys": Keys(tiingo=SecretStr("secret-tiingo"))})
    monkeypatch.setattr(tiingo, "fetch", lambda *_: Delivery({}, None))  # no frame of IWM in it
    report = fetch_all(Store(tmp_path), settings, world.instant)
    assert report.failures == []
    assert report.arrived == ["yahoo IWM"]
    assert [note for note in report.notes if note.startswith("not cross-checked: tiingo IWM: unexpected KeyError")]


@pytest.mark.parametrize("kind", [pa.ArrowInvalid, MemoryError])
def test_a_series_that_cannot_be_stored_is_a_failure_and_nothing_of_it_is_written(
    world: Any, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    def some(frames: Any, *rest: Any) -> Any:
        if any(folder == "short_interest" for folder, _ in frames):
            raise kind("a row that nobody expected")
        return ingest_frames(frames, *rest)

    store = Store(tmp_path)
    monkeypatch.setattr(fetching, "ingest_frames", some)
    report = fetch_all(store, settings, world.instant)
    assert [(each.provider, each.problem) for each in report.failures] == [
        ("finra", f"unexpected {kind.__name__}: a row that nobody expected")
    ]
    assert "finra IWM" not in report.arrived
    assert "ishares IWM" in report.arrived
    assert not store.as_of().has("short_interest", "IWM")
    assert not list(store.root.glob(f"*/{STAGING}*"))
    monkeypatch.setattr(fetching, "ingest_frames", ingest_frames)
    assert fetch_all(store, settings, world.instant).added["short_interest"] == 4


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, PermissionError])
def test_a_user_who_stops_it_and_a_disk_that_refuses_end_the_fetch(
    world: Any, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[BaseException]
) -> None:
    def ended(*_: Any) -> Any:
        raise kind("the end")

    monkeypatch.setattr(fetching, "ingest_frames", ended)
    with pytest.raises(kind, match="the end"):
        fetch_all(Store(tmp_path), settings, world.instant)
    monkeypatch.setattr(yahoo, "fetch", ended)
    if not issubclass(kind, Exception):
        with pytest.raises(kind, match="the end"):
            fetch_all(Store(tmp_path), settings, world.instant)


def test_one_bad_day_of_a_batch_does_not_take_the_others_with_it(
    world: Any, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def some(frames: Any, *rest: Any) -> Any:
        if any((frame["date"] == pd.Timestamp("2024-03-06")).any() for frame in frames.values()):
            raise ValueError("a bad day")
        return ingest_frames(frames, *rest)

    monkeypatch.setattr(fetching, "ingest_frames", some)
    store = Store(tmp_path)
    report = fetch_all(store, settings, world.instant, only=("regsho",))
    assert [(each.series, each.problem) for each in report.failures] == [
        ("IWM 2024-03-06", "unexpected ValueError: a bad day")
    ]
    assert [str(day.date()) for day in store.as_of().short_volume("IWM").index] == [
        "2024-03-05", "2024-03-07", "2024-03-08",
    ]  # fmt: skip


def test_names_are_taken_in_any_letter_case(world: Any, settings: Settings, tmp_path: Path) -> None:
    report = fetch_all(Store(tmp_path), settings, world.instant, only=("iwm", "dgs10", "CBOE", "cboe_pc_equity"))
    ratios = "CBOE_PC_TOTAL/CBOE_PC_EQUITY/CBOE_PC_INDEX"
    asked = ["cboe SKEW", "cboe VIX", "finra IWM", "fred DGS10", "ishares IWM",
             f"putcall {ratios} 2024-03-08 to 2024-03-06", "regsho IWM 2024-03-08 to 2024-03-05",
             "yahoo IWM"]  # fmt: skip
    assert sorted(report.arrived) == asked
    with pytest.raises(InputError, match="--only: got 'Tsla'; allowed: a provider or series"):
        fetch_all(Store(tmp_path), settings, world.instant, only=("Iwm", "Tsla"))
    with pytest.raises(InputError, match=r"--only: got 'naaim'.*put macro/NAAIM\.csv into a snapshot directory"):
        fetch_all(Store(tmp_path), settings, world.instant, only=("naaim",))


def test_the_term_structure_and_the_ratios_arrive_as_they_were_told(
    world: Any, settings: Settings, tmp_path: Path
) -> None:
    settings = changed(settings, indices=("VIX6M", "VIX1Y", "RVX"))
    store = Store(tmp_path)
    report = fetch_all(store, settings, world.instant, only=("CBOE_VIX6M", "vix1y", "RVX", "putcall"))
    assert not report.failures
    view = store.as_of()
    for index in ("VIX6M", "VIX1Y", "RVX"):
        level = view.observations(f"CBOE_{index}")
        assert level["value"].tolist() == view.bars(f"^{index}")["close"].tolist()
        known = level["known_at"].dt.tz_convert("America/New_York").dt.strftime("%Y-%m-%d %H:%M")
        assert known["2024-01-02"] == "2024-01-03 09:30"
    ratios = {name: view.observations(f"CBOE_PC_{name}") for name in ("TOTAL", "EQUITY", "INDEX")}
    assert [ratios[name].loc["2024-03-07", "value"] for name in ratios] == [0.907, 0.607, 0.807]
    assert [str(day.date()) for day in ratios["TOTAL"].index] == ["2024-03-06", "2024-03-07", "2024-03-08"]
    # That of the day came in the evening and serves the next session.
    arrived = ratios["TOTAL"].loc["2024-03-08", "known_at"]
    assert sessions.closes(pd.DatetimeIndex(["2024-03-08"]))[0] < arrived <= world.instant
    assert fetch_all(store, settings, world.instant, only=("putcall",)).rows_added == 0


def test_a_ratio_of_nothing_is_set_aside_and_not_asked_for_again(
    world: Any, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def zero(*_: Any) -> Delivery:
        frame = pd.DataFrame({"date": pd.DatetimeIndex(["2024-03-08"]).as_unit("us"), "value": [0.0]})
        return Delivery({("macro", "CBOE_PC_EQUITY"): frame}, world.instant, [])

    settings = changed(settings, put_call=("CBOE_PC_EQUITY",), put_call_start=date(2024, 3, 8))
    store = Store(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(put_call, "fetch", zero)
        assert fetch_all(store, settings, world.instant, only=("putcall",)).quarantined == 1
    assert store.as_of(pd.Timestamp("2024-04-01", tz="UTC")).quarantine()["reason"].tolist() == [
        "level or ratio not positive"
    ]
    world.asked.clear()
    later = changed(settings, put_call_start=date(2024, 3, 7))
    assert fetch_all(store, later, world.instant, only=("putcall",)).arrived == ["putcall CBOE_PC_EQUITY 2024-03-07"]


def test_a_ratio_that_does_not_exist_is_named(world: Any, settings: Settings, tmp_path: Path) -> None:
    settings = changed(settings, put_call=("CBOE_PC_VIX",))
    report = fetch_all(Store(tmp_path), settings, world.instant, only=("putcall",))
    assert "no such ratio as CBOE_PC_VIX; name some of CBOE_PC_TOTAL" in str(report.failures[0])
    assert world.asked == []


def test_vintages_are_asked_for_in_spans_that_the_service_serves(
    world: Any, settings: Settings, tmp_path: Path
) -> None:
    settings = changed(settings, prices=(), indices=(), short_interest=(), short_volume=(), put_call=(), holdings=())
    settings = settings.model_copy(update={"keys": Keys(fred=SecretStr("secret-fred"))})
    whole, parts = Store(tmp_path / "whole"), Store(tmp_path / "parts")
    assert not fetch_all(whole, settings, world.instant).failures
    world.asked.clear()
    world.most_vintages = 2  # of four
    assert not fetch_all(parts, settings, world.instant).failures
    assert 5 < world.count("alfred") < 30
    pd.testing.assert_frame_equal(
        parts.as_of().versions("observations", "UNRATE"), whole.as_of().versions("observations", "UNRATE")
    )


def test_a_service_that_serves_no_span_is_left_with_its_own_words(
    world: Any, settings: Settings, tmp_path: Path
) -> None:
    settings = changed(settings, prices=(), indices=(), short_interest=(), short_volume=(), put_call=(), holdings=())
    settings = settings.model_copy(update={"keys": Keys(fred=SecretStr("secret-fred"))})
    world.most_vintages = -1
    report = fetch_all(Store(tmp_path), settings, world.instant)
    assert world.count("alfred") < 30
    assert report.arrived == ["fred DGS10"]
    assert re.fullmatch(
        r"alfred UNRATE: HTTP 400: Bad Request\. There are 0 vintage dates from \S+ to \S+\. This exceeds the maximum "
        r"number of vintage dates allowed \(-1\)\.; do what the provider says, then run `bullbear fetch` again; stored "
        r"rows are untouched",
        str(report.failures[0]),
    )
