"""Every provider with every fault: the store stays whole, what arrived is kept, and the next fetch completes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest
from pydantic import SecretStr

from bullbear.data.fetching import FetchReport, fetch_all
from bullbear.data.store import Store
from bullbear.files import STAGING
from bullbear.settings import Keys, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Any

PROVIDERS = ("yahoo", "tiingo", "fred", "alfred", "finra", "regsho", "cboe", "putcall", "ishares")
# What the server of `conftest` can be told, and how many requests a series may cost at most.
REFUSALS = {
    "401": 1, "404": 1, "429": 3, "429 with Retry-After": 3, "429 for an hour": 1, "500": 3, "503": 3, "time-out": 3,
    "reset": 3, "truncated": 1, "html": 1, "empty": 3, "renamed": 1,
}  # fmt: skip
MENDED = ("duplicated", "reordered")
ODD = ("changed past", "clock skew", "half-written")
# Requests that a fetch needs.
SERIES = {"yahoo": 2, "fred": 2, "cboe": 2, "regsho": 4, "putcall": 3, "alfred": 2, "finra": 2}
# What the client alone deals with, whoever is asked: in the ordinary suite of two providers.
_OF_THE_CLIENT = {"404", "429", "429 with Retry-After", "429 for an hour", "500", "503", "time-out", "reset"}
_ASKED = ("yahoo", "regsho")
_reference: dict[str, Any] = {}


def each_with(faults: Iterable[str]) -> list[Any]:
    """Every provider with every fault; slow where the provider's own code has no part in it."""
    return [
        pytest.param(
            provider, fault, marks=pytest.mark.slow if fault in _OF_THE_CLIENT and provider not in _ASKED else ()
        )
        for provider in PROVIDERS
        for fault in faults
    ]


def configured(settings: Settings, provider: str, fault: str = "") -> Settings:
    """The provider asked alone; Tiingo is reached through Yahoo's failure."""
    keys = {"tiingo": SecretStr("secret-tiingo")} if provider == "tiingo" else {}
    keys |= {"fred": SecretStr("secret-fred")} if provider == "alfred" else {}
    prices = ("IWM",) if provider == "tiingo" else settings.fetch.prices
    macro = {"alfred": ("UNRATE",), "fred": ("DGS10", "UNRATE")}.get(provider, ())
    off = {
        "prices": prices if provider in ("yahoo", "tiingo") else (),
        # One healthy index beside it shows that what arrives is kept.
        "indices": ("VIX", "SKEW") if provider == "cboe" else ("SKEW",),
        "macro": ("DGS10", "UNRATE") if provider in ("fred", "cboe") else macro,
        "short_interest": ("IWM",) if provider == "finra" else (),
        "short_volume": ("IWM",) if provider == "regsho" else (),
        "holdings": ("IWM",) if provider == "ishares" else (),
        "put_call": settings.fetch.put_call if provider == "putcall" else (),
    }
    urls = settings.urls
    if provider == "tiingo":
        urls = urls.model_copy(update={"yahoo": urls.yahoo.rsplit(":", 1)[0] + ":1"})  # nobody listens there
    fetch = settings.fetch.model_copy(update=off)
    http = settings.http.model_copy(update={"give_up_after": 9, "timeout": 0.1 if fault == "time-out" else 5.0})
    return settings.model_copy(update={"fetch": fetch, "keys": Keys(**keys), "urls": urls, "http": http})


def contents(store: Store) -> dict[str, pd.DataFrame]:
    """The latest values of every series, without the instants."""
    view = store.as_of(pd.Timestamp("2030-01-01", tz="UTC"))
    found = {}
    for kind, series in view.catalogue()[["kind", "series"]].itertuples(index=False):
        rows = getattr(view, kind)(series).drop(columns="known_at").reset_index()
        found[f"{kind} {series}"] = rows.sort_values(list(rows.columns[:3]), ignore_index=True)
    return found


def reference(world: Any, settings: Settings, provider: str, folder: Path) -> dict[str, pd.DataFrame]:
    if provider not in _reference:
        store = Store(folder / "reference")
        report = fetch_all(store, settings, world.instant)
        assert not report.failures
        _reference[provider] = contents(store)
    return _reference[provider]


def run(store: Store, world: Any, settings: Settings) -> FetchReport:
    report = fetch_all(store, settings, world.instant)
    assert not list(store.root.glob(f"*/{STAGING}*"))
    return report


def assert_equal(found: dict[str, pd.DataFrame], expected: dict[str, pd.DataFrame]) -> None:
    assert found.keys() == expected.keys()
    for name, frame in expected.items():
        pd.testing.assert_frame_equal(found[name], frame, check_exact=True)


@pytest.mark.parametrize(("provider", "fault"), each_with(REFUSALS))
def test_a_refusal_is_told_and_mended_by_the_next_fetch(
    world: Any, settings: Settings, tmp_path: Path, provider: str, fault: str
) -> None:
    settings, hasty = configured(settings, provider), configured(settings, provider, fault)
    expected = reference(world, settings, provider, tmp_path)
    store = Store(tmp_path / "data")
    world.misbehave(provider, fault)
    report = run(store, world, hasty)
    healthy = "cboe SKEW" if provider != "cboe" else "fred DGS10"
    assert healthy in report.arrived
    # A text without its end may still be read up to its last whole line; JSON may not, nor what counts its rows.
    partial = fault == "truncated" and provider in ("fred", "cboe")
    told = [failure for failure in report.failures if failure.provider == provider]
    assert bool(told) != partial
    for failure in told:
        assert str(failure).startswith(f"{provider} {failure.series}: {failure.problem}; ")
        assert len(failure.remedy) > 10
        assert "secret" not in str(failure)
    assert world.count(provider) <= REFUSALS[fault] * SERIES.get(provider, 1)
    world.behave()
    again = run(store, world, settings)
    assert not again.failures
    assert_equal(contents(store), expected)
    assert again.revised == 0


@pytest.mark.parametrize(("provider", "fault"), each_with(["429", "reset"]))
def test_one_hiccup_is_waited_out(world: Any, settings: Settings, tmp_path: Path, provider: str, fault: str) -> None:
    settings = configured(settings, provider)
    expected = reference(world, settings, provider, tmp_path)
    store = Store(tmp_path / "data")
    world.misbehave(provider, fault, times=1)
    assert not run(store, world, settings).failures
    assert_equal(contents(store), expected)


@pytest.mark.parametrize("fault", MENDED)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_repeated_and_reordered_rows_are_put_right(
    world: Any, settings: Settings, tmp_path: Path, provider: str, fault: str
) -> None:
    settings = configured(settings, provider)
    expected = reference(world, settings, provider, tmp_path)
    store = Store(tmp_path / "data")
    world.misbehave(provider, fault)
    report = run(store, world, settings)
    assert not report.failures
    assert_equal(contents(store), expected)
    if fault == "duplicated":
        assert any("repeated rows left out" in note for note in report.notes)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_changed_past_is_a_revision(world: Any, settings: Settings, tmp_path: Path, provider: str) -> None:
    settings = configured(settings, provider)
    expected = reference(world, settings, provider, tmp_path)
    store = Store(tmp_path / "data")
    run(store, world, settings)
    before = world.instant
    world.now = "2024-03-09T12:00"
    world.misbehave(provider, "changed past")
    changed = run(store, world, settings)
    assert not changed.failures
    if provider in ("regsho", "putcall"):  # a stored day is not asked for again
        assert world.count(provider) == 0
        return
    assert changed.revised > 0
    assert any(not frame.equals(expected[name]) for name, frame in contents(store).items())
    view = store.as_of(before)
    for kind, series in view.catalogue()[["kind", "series"]].itertuples(index=False):
        old = getattr(view, kind)(series).drop(columns="known_at").reset_index()
        name = f"{kind} {series}"
        pd.testing.assert_frame_equal(old.sort_values(list(old.columns[:3]), ignore_index=True), expected[name])


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_providers_slow_clock_leaves_the_last_session_for_later(
    world: Any, settings: Settings, tmp_path: Path, provider: str
) -> None:
    settings = configured(settings, provider)
    expected = reference(world, settings, provider, tmp_path)
    store = Store(tmp_path / "data")
    world.misbehave(provider, "clock skew")
    report = run(store, world, settings)
    assert not report.failures
    assert any("our clock is" in note for note in report.notes)
    if provider in ("yahoo", "tiingo"):
        assert str(store.as_of().bars("IWM").index[-1].date()) == "2024-03-07"
    world.behave()
    assert not run(store, world, settings).failures
    assert_equal(contents(store), expected)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_half_written_session_is_not_stored(world: Any, settings: Settings, tmp_path: Path, provider: str) -> None:
    settings = configured(settings, provider)
    expected = reference(world, settings, provider, tmp_path)
    store = Store(tmp_path / "data")
    world.misbehave(provider, "half-written")
    report = run(store, world, settings)
    view = store.as_of()
    if provider == "yahoo":
        assert str(view.bars("IWM").index[-1].date()) == "2024-03-07"
        assert any("the session is incomplete" in note for note in report.notes)
    if provider in ("regsho", "putcall", "ishares"):
        assert report.failures
    found = contents(store)
    assert all(len(frame) <= len(expected[name]) for name, frame in found.items())
    world.behave()
    assert not run(store, world, settings).failures
    assert_equal(contents(store), expected)
