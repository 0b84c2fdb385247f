"""The pictures of a forecast: every question beside its base rate, the fan, and the record of the champions.

The ledger keeps a few quantiles of a distribution, not its fan: that comes from the champions as they are, on the store
as it was at the forecast. Champions that by now say another distribution have no fan to show for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bullbear.dataset.predictions import Predictions
from bullbear.definitions import UP
from bullbear.errors import BullbearError
from bullbear.evaluate import Evaluation, evaluate
from bullbear.files import write_whole
from bullbear.forecasting.bundle import Bundle, read_bundle
from bullbear.forecasting.champions import others_of
from bullbear.forecasting.close import close_of
from bullbear.forecasting.forecast import usable
from bullbear.forecasting.record import distribution_document
from bullbear.forecasting.today import forecast_close
from bullbear.home import Home
from bullbear.workflows.distributions import usual_fan

PAST = 63
"""Sessions shown before the forecast: a quarter."""


@dataclass(frozen=True)
class Fan:
    """Quantiles of the total return after 1 to h sessions, the usual ones (both (5, h)), and the closes before."""

    quantiles: np.ndarray
    usual: np.ndarray
    past: pd.Series


def fan_of(home: Home, entry: Mapping[str, Any]) -> Fan | None:
    """The fan behind the distribution of a ledger entry of `up`; None where there is none to show.

    There is none once the store was filled anew or a champion cannot be used any more, either.
    """
    if not entry.get("distribution"):
        return None
    try:
        return _fan_of(home, entry)
    except BullbearError:
        return None


def _fan_of(home: Home, entry: Mapping[str, Any]) -> Fan | None:
    bundle, stored = read_bundle(home.champion), entry["data"].get("stored_through")
    target = bundle.definition.target
    at = close_of(
        home.store(), target, entry["decided_at"][:10], stored=None if stored is None else pd.Timestamp(stored)
    )  # fmt: skip
    today = forecast_close(at, bundle, usable(at, others_of(home, bundle)).asked)
    found = today.distribution()
    if found is None or distribution_document(at, today) != entry["distribution"]:
        return None
    answer, said = found
    return Fan(
        said.fan[0],
        usual_fan(at.view, target.ticker, answer.asked.question.horizon),
        at.view.bars(target.ticker)["adj_close"].iloc[-PAST:],
    )


def outlook_pictures(home: Home, entry: Mapping[str, Any]) -> dict[str, bytes]:
    """PNGs by name: `against_usual`, `fan` where a champion knows the distribution, and those of the record.

    `past` and `reliability` show the out-of-sample forecasts of every champion that forecasts now, up to the entry's
    close; they are absent where none has enough, or where the champions are of another market than the entry.
    """
    from bullbear.report.outlook_plots import against_usual_plot, fan_plot

    simulated = bool(entry["data"].get("simulated"))
    found = {"against_usual": against_usual_plot(entry["outlook"], simulated=simulated)}
    if (fan := fan_of(home, entry)) is not None:
        found["fan"] = fan_plot(fan.quantiles, usual=fan.usual, past=fan.past, simulated=simulated)
    return found | _record_pictures(home, entry, simulated=simulated)


def _record_pictures(home: Home, entry: Mapping[str, Any], *, simulated: bool) -> dict[str, bytes]:
    from bullbear.report.outlook_plots import past_outlooks_plot, reliability_plot

    records: dict[str, Predictions] = {}
    evaluations: dict[str, Evaluation] = {}
    for question, bundle in champions_of(home, entry["ticker"], simulated=simulated).items():
        # One that cannot be read or has too short a record is not drawn.
        with suppress(BullbearError):
            record = known_at(
                pd.Timestamp(entry["decided_at"]), bundle.predictions.select(asset=bundle.definition.ticker)
            )
            evaluations[question], records[question] = evaluate(record), record
    if not records:
        return {}
    return {
        "past": past_outlooks_plot(records, simulated=simulated),
        "reliability": reliability_plot(evaluations, simulated=simulated),
    }


def champions_of(home: Home, ticker: str, *, simulated: bool) -> dict[str, Bundle]:
    """The champions that a forecast asks, by question; none if that of `up` is gone or of another market."""
    try:
        first = read_bundle(home.champion)
    except BullbearError:
        return {}
    if (first.definition.ticker, bool(first.meta["simulated"])) != (ticker, simulated):
        return {}
    others = {each.question.name: each.bundle for each in others_of(home, first).asked if each.bundle is not None}
    return {UP.name: first, **others}


def known_at(decided_at: pd.Timestamp, record: Predictions) -> Predictions:
    """The forecasts up to a close, with what had resolved by then: a replay shows nothing of its future."""
    table = record.table[record.table["decided_at"] <= decided_at]
    return Predictions(table.assign(y=table["y"].where(table["resolved_at"] <= decided_at)))


def draw_outlook(home: Home, entry: Mapping[str, Any]) -> list[Path]:
    """Write the pictures into `reports/outlook/`."""
    paths = []
    for name, picture in outlook_pictures(home, entry).items():
        paths.append(home.reports / "outlook" / f"{name}_{entry['decided_at'][:10]}.png")
        write_whole(paths[-1], picture)
    return paths
