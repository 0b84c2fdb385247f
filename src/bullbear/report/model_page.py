"""The report: one self-contained HTML file, the forecast first and the skill of the models below it.

Pictures are embedded; there are no scripts and no requests. All text is escaped. A report on simulated data says so at
the top and on every picture.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined

from bullbear.errors import Found, InputError
from bullbear.files import write_whole
from bullbear.report import tables
from bullbear.report.tables import ModelResult, Table

_FORECAST = ("ticker", "decided_at", "resolves_on", "horizon_sessions", "p_up", "p_low", "p_high", "climatology",
             "regime", "agents", "positions", "stops", "drivers", "model", "data")  # fmt: skip

_OUTLOOK = {
    "against_usual": "Bars: each question's forecast with its interval beside its base rate; the numbers are in the "
    "table of the outlook.",
    "fan": "Bands: the central 50% and 90% of the total return after each coming session, beside the usual 90%, after "
    "the closes of the last quarter; the quantiles of the last session stand below.",
    "past": "Lines: past out-of-sample forecasts of each question beside its base rate; shaded where the answer was "
    "yes.",
    "reliability": "Reliability diagrams: the share of yes against the forecast, one for each question.",
}


@dataclass(frozen=True)
class Picture:
    """A PNG in base64 and its alternative text."""

    data: str
    alt: str


@dataclass(frozen=True)
class Section:
    """One model's part of the page."""

    name: str
    run_id: str
    intent: str
    verdict: str
    calibration: Table
    by_year: Table
    backtest: tuple[Table, ...]
    calibration_picture: Picture
    skill_picture: Picture
    probability_picture: Picture
    equity_picture: Picture | None
    weights_picture: Picture | None


def write_report(
    path: Path,
    *,
    models: Sequence[ModelResult],
    forecast: Mapping[str, Any] | None,
    simulated: bool,
    generated_at: pd.Timestamp,
    data: Mapping[str, Any] | None = None,
    pictures: Mapping[str, bytes] | None = None,
) -> Path:
    """Write the report as one self-contained HTML file, whole or not at all.

    Parameters
    ----------
    path
        Its folder is created, and an existing file is replaced.
    models
        In the order to show; the one whose `run_id` the forecast names is marked as champion.
    forecast
        The document of `bullbear forecast --json`; None without a champion.
    simulated
        Whether any number comes from the simulated market.
    generated_at
        With a time zone.
    data
        `fingerprint`, `last_known_at` and `stale` of the data; default: those of the forecast.
    pictures
        PNGs of the forecast, by name: `against_usual`, `fan`.

    Raises
    ------
    InputError
        Neither a model nor a forecast is given, the forecast lacks a key, or `generated_at` has no time zone.
    """
    if not models and forecast is None:
        raise InputError(
            "report", Found("no model and no forecast"), "at least one of them", "run `bullbear train` first"
        )
    missing = [key for key in _FORECAST if forecast is not None and key not in forecast]
    if missing:
        raise InputError("forecast", f"no {', '.join(missing)}", ", ".join(_FORECAST), "make it by `bullbear forecast`")
    if generated_at.tzinfo is None:
        raise InputError("generated_at", str(generated_at), "an instant with a time zone", "give it in UTC")
    champion = str(forecast["model"]["run_id"]) if forecast is not None else None
    rows = forecast.get("outlook", ()) if forecast is not None else ()  # an earlier version's entry has none
    page = _template().render(
        simulated=simulated,
        generated_at=tables.instant(generated_at),
        forecast=forecast,
        reading=_reading(forecast) if forecast is not None else None,
        gauge=_gauge(forecast) if forecast is not None else None,
        outlook=tables.outlook(rows) if rows else None,
        outlook_pictures=[_picture(png, _OUTLOOK[name], simulated) for name, png in (pictures or {}).items()],
        distribution=tables.distribution(forecast.get("distribution")) if forecast is not None else None,
        positions=tables.positions(forecast) if forecast is not None else None,
        stops=tables.stops(forecast) if forecast is not None and _has_levels(forecast) else None,
        drivers=tables.drivers(forecast) if forecast is not None and forecast["drivers"] else None,
        data=data if data is not None or forecast is None else forecast["data"],
        skill=(tables.skill(models, champion), tables.evidence(models, champion)) if models else (),
        n_models=len(models),
        sections=[_section(model, simulated) for model in models],
    )
    write_whole(path, page)
    return path


def _has_levels(forecast: Mapping[str, Any]) -> bool:
    return bool(forecast["stops"] or forecast.get("reentries"))


def _section(model: ModelResult, simulated: bool) -> Section:
    from bullbear.report import plots  # matplotlib costs half a second that only a report should pay

    e, result = model.evaluation, model.backtest
    skill = f"{tables.percent(e.bss, signed=True)} over all years"
    return Section(
        name=model.name,
        run_id=model.run_id,
        intent=model.intent,
        verdict=tables.verdict(e),
        calibration=tables.calibration(e),
        by_year=tables.by_year(e),
        backtest=(tables.performance(result), tables.attribution(result)) if result is not None else (),
        calibration_picture=_picture(
            plots.calibration_plot(e, model.predictions, simulated=simulated),
            "Reliability diagram: share of ups against the forecast, with a histogram of forecasts; "
            "the numbers are in the calibration table.",
            simulated,
        ),
        skill_picture=_picture(
            plots.skill_plot(e, simulated=simulated),
            f"Bars: Brier skill by calendar year around zero, {skill}; the numbers are in the table by year.",
            simulated,
        ),
        probability_picture=_picture(
            plots.probability_plot(model.predictions, simulated=simulated),
            f"Lines: forecast P(up) with its interval and the base rate from {e.first:%Y-%m} on; mean forecast "
            f"{tables.percent(e.mean_p)}, share of ups {tables.percent(e.share_up)}.",
            simulated,
        ),
        equity_picture=_picture(
            plots.equity_plot(result, simulated=simulated),
            "Lines: equity of the policy and its baselines on a log scale, drawdowns and weights below; "
            "the numbers are in the backtest table.",
            simulated,
        )
        if result is not None
        else None,
        weights_picture=_weights(model.weights, simulated)
        if model.weights is not None and len(model.weights)
        else None,
    )


def _weights(weights: pd.DataFrame, simulated: bool) -> Picture:
    from bullbear.report import plots

    newest = ", ".join(f"{name} {tables.percent(weight)}" for name, weight in weights.iloc[-1].items())
    alt = f"Layers: the weight of each member of the pool by the day of the fit; newest: {newest}."
    return _picture(plots.weights_plot(weights, simulated=simulated), alt, simulated)


def _picture(png: bytes, alt: str, simulated: bool) -> Picture:
    return Picture(b64encode(png).decode("ascii"), f"SIMULATED data. {alt}" if simulated else alt)


def _reading(forecast: Mapping[str, Any]) -> str:
    low, high, base = forecast["p_low"], forecast["p_high"], forecast["climatology"]
    if low is None or high is None:
        return "The forecast has no interval."
    if low <= base <= high:
        return "The interval contains the base rate: no evidence that the forecast knows more than the base rate."
    return f"The interval lies {'above' if low > base else 'below'} the base rate."


def _gauge(forecast: Mapping[str, Any]) -> dict[str, float | None]:
    """Positions on a scale of 0 to 1000."""
    return {
        key: None if forecast[key] is None else round(1000.0 * float(forecast[key]), 1)
        for key in ("p_up", "p_low", "p_high", "climatology")
    }


def _template() -> Any:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(percent=tables.percent, number=tables.number, instant=tables.instant)
    return environment.from_string(files("bullbear.report").joinpath("model_page.html.j2").read_text(encoding="utf-8"))
