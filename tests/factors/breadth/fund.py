"""A small fund: its rows, and a store that holds what was known of them at an instant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.data import Store

NAMES = tuple(f"C{place:02d}" for place in range(16))
SESSIONS = sessions.between("2016-01-04", "2018-02-28")
CORRECTED = pd.Timestamp("2017-05-24 21:30", tz="UTC")


@dataclass(frozen=True)
class Fund:
    """Rows by kind, of companies and of the market."""

    companies: dict[str, pd.DataFrame]
    market: dict[str, pd.DataFrame]

    @classmethod
    def made(cls) -> Fund:
        draw = np.random.default_rng(5)
        closes = sessions.closes(SESSIONS)
        common = draw.normal(0.0, 0.01, len(SESSIONS))
        bars = []
        for place, name in enumerate([*NAMES, "C03.2"]):
            price = 30.0 * np.exp(np.cumsum(common + draw.normal(0.0, 0.02, len(SESSIONS))))
            price[200:] /= 2.0 if name == "C05" else 1.0
            spread = 1.0 + 0.005 * draw.random(len(SESSIONS))
            frame = pd.DataFrame({"series": name, "event_date": SESSIONS, "known_at": closes, "open": price})
            frame = frame.assign(high=price * spread, low=price / spread, close=price, restated=0.0)
            frame["volume"] = 1e5 * np.exp(draw.normal(0.0, 0.5, len(SESSIONS)))
            if name == "C03":
                frame = frame[:250]
            if name == "C03.2":
                frame = frame[300:]
            if name == "C07":  # a misprint
                frame.loc[320, ["open", "high", "low", "close"]] *= 100.0
            if place % 5 == 0:  # a few sessions without a bar
                frame = frame.drop(frame.index[::37])
            bars.append(frame)
        late = bars[8][340:342].assign(known_at=CORRECTED, close=lambda rows: rows["close"] * 1.02)
        late["high"] = late[["high", "close"]].max(axis=1)
        later = bars[9][400:403].assign(known_at=pd.Timestamp("2017-09-01 01:00", tz="UTC"), volume=7e6)
        split = pd.DataFrame({"series": ["C05"], "event_date": SESSIONS[200:201], "ratio": [2.0]})
        split["known_at"] = sessions.opens(SESSIONS[200:201])
        listings = pd.DataFrame(
            [
                ("C03", "2016-01-04", "C03", "listed"),
                ("C03", str(SESSIONS[250].date()), "C03", "delisted"),
                ("C03.2", str(SESSIONS[300].date()), "C03", "listed"),
            ],
            columns=["series", "event_date", "ticker", "status"],
        ).astype({"event_date": "datetime64[us]"})
        listings["known_at"] = listings["event_date"].dt.tz_localize("UTC")
        held = []
        for place, day in enumerate(pd.date_range("2016-02-29", "2018-02-28", freq="2ME")):
            if day.year == 2017 and day.month in (10, 12):
                continue  # nobody told: unknown after a hundred days
            names = [name for number, name in enumerate(NAMES) if (number + place) % 7]
            held.append(
                pd.DataFrame({"series": "IWM", "event_date": day, "ticker": names, "name": names, "sector": "Energy"})
                .assign(known_at=day.tz_localize("UTC") + pd.Timedelta(hours=47))
                .assign(weight=draw.uniform(1.0, 9.0, len(names)), market_value=1.0, shares=1.0)
                .astype({"event_date": "datetime64[us]"})
            )
        level = 100.0 * np.exp(np.cumsum(common))
        iwm = pd.DataFrame({"series": "IWM", "event_date": SESSIONS, "known_at": closes, "open": level, "high": level})
        iwm = iwm.assign(low=level, close=level, adj_close=level, volume=1e6)
        return cls(
            {"bars": pd.concat([*bars, late, later]), "splits": split, "listings": listings, "facts": _facts(draw)},
            {"bars": iwm, "holdings": pd.concat(held)},
        )

    def until(self, instant: pd.Timestamp) -> Fund:
        """What was known at an instant."""

        def cut(frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
            return {kind: frame[frame["known_at"] <= instant] for kind, frame in frames.items()}

        return Fund(cut(self.companies), cut(self.market))


def _facts(draw: np.random.Generator) -> pd.DataFrame:
    """Quarters, each filed forty days after its end; half a year of C02 is restated later."""
    rows = []
    ends = pd.date_range("2014-03-31", "2017-12-31", freq="QE")
    begins = dict(zip(ends, pd.date_range("2014-01-01", "2017-12-31", freq="QS"), strict=True))
    for name in [*NAMES, "C03.2"]:
        size = draw.uniform(1e6, 9e6)
        for end in ends:
            known = end.tz_localize("UTC") + pd.Timedelta(days=40, hours=22)
            for concept, share in FLOWS.items():
                value = size * share * draw.uniform(0.8, 1.3)
                rows.append((name, end, known, concept, "USD", begins[end], value))
                if name == "C02" and end.year == 2016 and end.month <= 6:
                    again = known + pd.Timedelta(days=200)
                    rows.append((name, end, again, concept, "USD", rows[-1][5], 3.0 * value))
            for concept, share in BALANCES.items():
                value = size * share * draw.uniform(0.9, 1.1)
                unit = "shares" if concept == "shares_outstanding" else "USD"
                rows.append((name, end, known, concept, unit, pd.NaT, value))
    columns = ["series", "event_date", "known_at", "concept", "unit", "start_date", "value"]
    return pd.DataFrame(rows, columns=columns).assign(form="10-Q")


FLOWS = {"revenue": 1.0, "operating_income": 0.15, "net_income": 0.1, "cfo": 0.12, "capex": 0.04}
BALANCES = {"total_assets": 5.0, "equity": 2.0, "cash": 0.5, "shares_outstanding": 0.3, "total_liabilities": 3.0}


def filled(root: Path, fund: Fund) -> Store:
    """A store with the rows of a fund."""
    store = Store(root)
    store.append_all({kind: rows for kind, rows in fund.market.items() if len(rows)})
    store.companies.append_all({kind: rows for kind, rows in fund.companies.items() if len(rows)})
    return store
