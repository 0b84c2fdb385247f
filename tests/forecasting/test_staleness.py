"""A forecast says what is stale, and is refused beyond the declared budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from bullbear.data.snapshot import ingest_frames
from bullbear.errors import GateError
from bullbear.forecasting.bundle import read_bundle
from bullbear.forecasting.forecast import issue
from bullbear.forecasting.ledger import Ledger
from bullbear.forecasting.staleness import stale_series
from bullbear.home import Home


def test_beyond_the_share_of_stale_series_it_is_refused(
    home: Home, monkeypatch: pytest.MonkeyPatch, bullbear: Callable[..., Any]
) -> None:
    monkeypatch.setattr(
        "bullbear.forecasting.staleness.is_stale", lambda view, kind, series, session: series == "VIXCLS"
    )
    ledger = Ledger(home.forecasts / "ledger.jsonl")
    # One of the two series that the champion reads: within a budget of a half, beyond one of a third.
    assert issue(home, "2007-06-20")["data"]["stale"] == ["VIXCLS"]
    before = len(ledger.entries())
    (home.root / "bullbear.toml").write_text("[staleness]\nmax_share = 0.34\n")
    done = bullbear("forecast", "--home", home.root, "--as-of", "2007-06-21")
    assert done.code == 3
    assert done.mistake.replace(f" --home {home.root}", "") == (
        "bullbear: refused by staleness budget: 1 of 2 series that small reads are absent or stale on 2007-06-21 "
        "(VIXCLS); run `bullbear fetch`, or raise max_share in [staleness] of bullbear.toml"
    )
    assert len(ledger.entries()) == before


def test_a_fetched_store_that_has_fallen_behind_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    store = home.store()
    (store.root / "SIMULATED.json").unlink()
    last = store.as_of().bars("IWM").iloc[-1]
    days = pd.DatetimeIndex(["2008-11-03"])
    prices = {name: last["close"] for name in ("open", "high", "low", "close")}
    frame = pd.DataFrame({"date": days, **prices, "volume": 1e6, "dividend": 0.0, "split": 1.0})
    ingest_frames({("raw_bars", "IWM"): frame.astype({"date": "datetime64[us]"})}, store, pd.Timestamp.now("UTC"))
    read = read_bundle(home.champion)
    monkeypatch.setitem(read.meta, "simulated", False)
    monkeypatch.setattr("bullbear.forecasting.forecast.read_bundle", lambda path: read)
    with pytest.raises(GateError, match=r"refused by staleness budget: the last bar of IWM is \d+ sessions old"):
        issue(home)


def test_status_names_what_the_next_forecast_will_lack(home: Home, bullbear: Callable[..., Any]) -> None:
    lines = bullbear("status", "--home", home.root, "--json").json
    needed = {(line["kind"], line["series"]) for line in lines if line["needed"]}
    assert needed == {("bars", "IWM"), ("observations", "VIXCLS")}


def test_what_else_than_a_price_of_a_ticker_is_lacking_is_said(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    read = {("bars", "IWM"), ("short_interest", "IWM"), ("level", "VIXCLS")}
    monkeypatch.setattr("bullbear.forecasting.staleness.series_read", lambda *_: read)
    monkeypatch.setattr("bullbear.forecasting.staleness.is_stale", lambda view, kind, series, session: kind != "bars")
    assert stale_series(None, read_bundle(home.champion), None) == ["VIXCLS", "short interest of IWM"]
