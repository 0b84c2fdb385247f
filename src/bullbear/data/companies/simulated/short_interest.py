"""Short interest of companies at mid-month and month-end, published eight sessions later.

The share of a company sold short falls with the hidden score, slowly and with much noise of its own (Boehmer, Jones and
Zhang, 2008, doi:10.1111/j.1540-6261.2008.01324.x).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear.data.companies.simulated.bars import Bars
from bullbear.data.companies.simulated.lives import WIDTH, Lives
from bullbear.data.companies.simulated.market import Market
from bullbear.data.publication import at
from bullbear.data.simulated_macro import SHORT_INTEREST_LAG, settlements
from bullbear.data.simulated_process import stream

TYPICAL, SLOPE, NOISE = 0.035, -0.35, 0.6
"""Share sold short, and of its logarithm the slope on the score and the noise."""


def short_interest_of(market: Market, lives: Lives, bars: Bars, number: int) -> pd.DataFrame:
    """Rows of block `number` by company and time: company (its number), event_date, known_at, shares_short,
    avg_daily_volume, days_to_cover, shares_outstanding."""
    rows = settlements(market.sessions)
    z = stream(market.seed, f"companies {number} short interest").standard_normal((len(rows), WIDTH))
    z = z[:, : lives.who.shape[1]]
    who = lives.who[rows]
    known = who >= 0
    # Published while the company is still listed.
    known &= rows[:, None] + SHORT_INTEREST_LAG <= lives.last[who]
    usual = stream(market.seed, f"companies {number} usual short interest").standard_normal(WIDTH)[: z.shape[1]]
    logs = SLOPE * lives.score[rows] + NOISE * (0.8 * usual + 0.6 * z)
    outstanding = bars.shares[rows]
    short = np.round(np.minimum(TYPICAL * np.exp(logs), 0.6) * np.where(known, outstanding, 0.0))
    volume = pd.DataFrame(bars.volume).rolling(10, min_periods=1).mean().to_numpy()[rows]
    place, row = np.nonzero(known.T)
    order = np.lexsort((row, who[row, place]))
    place, row = place[order], row[order]
    average = np.round(volume[row, place])
    return pd.DataFrame(
        {
            "company": who[row, place].astype(np.int64),
            "event_date": market.sessions[rows[row]],
            "known_at": at(market.sessions[rows[row] + SHORT_INTEREST_LAG].to_numpy().astype("datetime64[D]"), "18:00"),
            "shares_short": short[row, place],
            "avg_daily_volume": average,
            "days_to_cover": np.round(np.maximum(short[row, place] / average, 1.0), 2),
            "shares_outstanding": outstanding[row, place],
        }
    )
