"""Results as JSON: one rule for records, days, instants and numbers that are not finite."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import pandas as pd


def json_ready(value: Any, *, days: bool = False) -> Any:
    """A result as `json.dumps(..., allow_nan=False)` takes it.

    Parameters
    ----------
    value
        Dataclasses and mappings become objects, lists and tuples become lists, numpy scalars plain ones; a missing
        value or a number that is not finite becomes None.
    days
        Timestamps are days and are written as YYYY-MM-DD; by default they are written in full ISO form.

    Example
    -------
    >>> json_ready({"day": pd.Timestamp("2020-01-02"), "p": (0.5, float("nan"))}, days=True)
    {'day': '2020-01-02', 'p': [0.5, None]}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: json_ready(getattr(value, field.name), days=days) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): json_ready(each, days=days) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_ready(each, days=days) for each in value]
    if value is None or pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return str(value.date()) if days else value.isoformat()
    number = value.item() if hasattr(value, "item") else value
    return None if isinstance(number, float) and math.isinf(number) else number
