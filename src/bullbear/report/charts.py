"""Interactive charts of the report: a plotly figure as plain data, with a title, a caption and a text alternative.

The figure is the JSON that plotly.js draws, so building one imports nothing. Three rules keep a page small and true:

* Long columns are numpy arrays or `DatetimeIndex`: they are written as 32-bit floats and as days in 16 bits, in base64,
  and equal columns of a page once only.
* Colours are roles of `palette`, so that both themes read well.
* Per cent are numbers of per cent with the suffix of `PER_CENT`, without a tick format: plotly then writes as many
  decimals as the step needs, and a step of 2.5 is not shown as 7, 5, 2.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from bullbear.errors import InputError

PER_CENT: dict[str, Any] = {"ticksuffix": " %"}
"""Of an axis in per cent."""
PERIODS = (("3M", 3), ("6M", 6), ("1Y", 12), ("2Y", 24), ("5Y", 60), ("All", 0))
"""Label of a period button and its months; 0 is everything."""
_SIGNED = re.compile(r"(%\{[^}:]*:)\+")
"""A format that begins with its sign: plotly writes a tilde before it, which makes numbers of sixteen digits of it."""
_EPOCH = np.datetime64("1970-01-01", "D")


@dataclass(frozen=True)
class Chart:
    """One interactive chart.

    `id` is unique on the page. `figure` holds `data` and `layout` of plotly.js. `caption` says in a sentence how to
    read it; `alt` says what it shows to a reader who does not see it. `height` in pixels. With `period`, the label of a
    button of `PERIODS`, the chart has these buttons and opens on that period before its last day; its axis of dates is
    `xaxis`, and axes of values follow what is visible, except traces with `"meta": {"aside": True}`. Traces
    with `"meta": {"months": n}` are shown in periods of up to n months.
    """

    id: str
    title: str
    figure: Mapping[str, Any]
    caption: str
    alt: str
    height: int = 380
    period: str | None = None
    kind: ClassVar[str] = "chart"

    def __post_init__(self) -> None:
        labels = [label for label, _ in PERIODS]
        if self.period is not None and self.period not in labels:
            raise InputError(f"chart {self.id}", self.period, ", ".join(labels), "name the period of a button")


@dataclass(frozen=True)
class Hundredths:
    """Per cent from 0 to 655 by hundredths, in 16 bits: half the size of a float where no more digits are shown."""

    values: np.ndarray


@dataclass
class Columns:
    """The long columns of a page, each once, by the name that figures use."""

    kept: dict[str, dict[str, str]] = field(default_factory=dict)

    def embed(self, value: Any) -> Any:
        """`value` as JSON, its arrays replaced by references to columns."""
        if isinstance(value, Mapping):
            return {str(key): self.embed(each) for key, each in value.items()}
        if isinstance(value, Hundredths):
            known = np.isfinite(value.values)
            return self._keep(np.where(known, np.round(100.0 * value.values), 65535.0).astype("<u2"), "p2")
        if isinstance(value, pd.DatetimeIndex):
            return self._keep(_days(value), "days")
        if isinstance(value, pd.Series | pd.Index):
            return self.embed(value.to_numpy())
        if isinstance(value, np.ndarray):
            if value.dtype.kind == "M":
                return self._keep(_days(pd.DatetimeIndex(value)), "days")
            if value.dtype.kind in "biuf" and value.ndim == 1:
                return self._keep(value.astype("<f4"), "f4")
            return self.embed(value.tolist())
        if isinstance(value, np.generic):
            return self.embed(value.item())
        if isinstance(value, float):
            return value if np.isfinite(value) else None
        if isinstance(value, list | tuple):
            return [self.embed(each) for each in value]
        if isinstance(value, pd.Timestamp):
            return value.isoformat() if value.tzinfo is None else value.tz_convert("UTC").tz_localize(None).isoformat()
        return value

    def _keep(self, array: np.ndarray, kind: str) -> dict[str, str]:
        content = array.tobytes()
        name = kind + hashlib.sha256(content).hexdigest()[:12]
        self.kept.setdefault(name, {"kind": kind, "bytes": b64encode(content).decode("ascii")})
        return {"column": name}


def page_data(charts: Sequence[Chart], *, simulated: bool) -> str:
    """Everything that the page's script draws, as JSON that may stand inside a script element."""
    columns = Columns()
    drawn = {
        chart.id: {
            "data": columns.embed(chart.figure["data"]),
            "layout": columns.embed(_layout(chart, simulated=simulated)),
            "period": chart.period,
        }
        for chart in charts
    }
    text = json.dumps({"charts": drawn, "columns": columns.kept}, allow_nan=False, separators=(",", ":"))
    text = _SIGNED.sub(r"\g<1>0>+", text)  # the same format, with the fill in front
    return text.replace("<", "\\u003c")  # else a text with </script> would end the element


def _layout(chart: Chart, *, simulated: bool) -> dict[str, Any]:
    layout = dict(chart.figure.get("layout", {}))
    if simulated:
        mark = {
            "text": "SIMULATED", "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "showarrow": False,
            "textangle": -20, "opacity": 0.22, "font": {"size": 44, "color": "@alarm"}, "name": "simulated",
        }  # fmt: skip
        layout["annotations"] = [*layout.get("annotations", ()), mark]
    return layout


def _days(index: pd.DatetimeIndex) -> np.ndarray:
    """Days since 1970 in New York's calendar, in 16 bits: up to 2149."""
    local = index if index.tz is None else index.tz_convert("America/New_York").tz_localize(None)
    days = (local.to_numpy().astype("datetime64[D]") - _EPOCH).astype(np.int64)
    if len(days) and not (days.min() >= 0 and days.max() < 2**16):
        raise InputError("days of a chart", f"{local.min()} to {local.max()}", "1970 to 2149", "draw other days")
    return np.asarray(days.astype("<u2"))
