"""The outlook of an entry with the fan behind its distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bullbear import sessions
from bullbear.forecasting.card.sources import Sources
from bullbear.report.sections.outlook import FanData, OutlookData
from bullbear.workflows.outlook_pictures import fan_of


def outlook_data(sources: Sources, document: Mapping[str, Any]) -> OutlookData:
    """What the outlook shows; no fan where the champions no longer say the entry's distribution."""
    fan, shown = fan_of(sources.home, document), None
    if fan is not None:
        count = fan.quantiles.shape[1]
        last = pd.Timestamp(fan.past.index[-1])
        ahead = sessions.between(last, last + pd.Timedelta(days=2 * count + 15))[1 : count + 1]
        shown = FanData(fan.quantiles, fan.usual, fan.past, ahead)
    return OutlookData(document.get("outlook", ()), document.get("distribution"), shown, str(document["resolves_on"]))
