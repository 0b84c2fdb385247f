"""Figures from filings: what an answer of EDGAR adds to the stored ones, and which companies are due to be asked about.

A company is asked about again after a week, first for its latest filings; its figures are asked for only where one of
these is new, since they are megabytes. What was last asked and seen lies in `edgar.json` beside the stored companies:
without that file everything is merely asked again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd

from bullbear.data.providers.edgar import Profile
from bullbear.files import write_whole

_FILE = "edgar.json"
_KEY = ["concept", "event_date", "start_date", "unit"]
_TICK = pd.Timedelta(1, "us")


@dataclass(frozen=True)
class Asked:
    """What is known of a company's filings: when it was asked, and the filing up to which figures are stored."""

    profile: Profile
    at: str
    through: str | None = None

    @property
    def is_behind(self) -> bool:
        """Whether a filing came whose figures are not stored."""
        return self.through is None or self.through != self.profile.last_filing


class AskedFile:
    """What was asked of EDGAR, by CIK."""

    def __init__(self, root: Path) -> None:
        self.path = root / _FILE
        self.by_cik: dict[str, Asked] = {}
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            self.by_cik = {cik: _asked(row) for cik, row in json.loads(self.path.read_text()).items()}

    @property
    def profiles(self) -> Mapping[str, Profile]:
        """The companies as they were last seen."""
        return {cik: each.profile for cik, each in self.by_cik.items()}

    def is_due(self, cik: str, now: pd.Timestamp, days: int) -> bool:
        """Whether a company's filings are to be asked for again."""
        asked = self.by_cik.get(cik)
        return asked is None or asked.is_behind or now - pd.Timestamp(asked.at) >= pd.Timedelta(days=days)

    def note(self, profile: Profile, now: pd.Timestamp) -> Asked:
        """Keep what a company's filings say."""
        before = self.by_cik.get(profile.cik)
        found = Asked(profile, now.isoformat(), before.through if before else None)
        self.by_cik[profile.cik] = found
        return found

    def stored(self, cik: str) -> None:
        """Keep that the figures of all filings seen are stored."""
        asked = self.by_cik[cik]
        self.by_cik[cik] = replace(asked, through=asked.profile.last_filing)

    def write(self) -> None:
        """Write the file, whole."""
        rows = {cik: asdict(each) for cik, each in sorted(self.by_cik.items())}
        for row in rows.values():
            day = row["profile"]["struck_off"]
            row["profile"]["struck_off"] = None if day is None else str(day.date())
        write_whole(self.path, json.dumps(rows))


def _asked(row: dict[str, object]) -> Asked:
    profile = dict(row["profile"])  # type: ignore[call-overload]
    day = profile["struck_off"]
    profile["struck_off"] = None if day is None else pd.Timestamp(day)
    texts = {name: tuple(profile[name]) for name in ("names", "tickers", "exchanges")}
    through = row["through"]
    return Asked(Profile(**profile | texts), str(row["at"]), None if through is None else str(through))


def new_facts(stored: pd.DataFrame, answer: pd.DataFrame, now: pd.Timestamp) -> tuple[pd.DataFrame, int]:
    """The rows of `answer` to be stored for one company, and how many of them contradict a stored one.

    A value that the version before it has already is left out. One that differs from a stored value of the same filing
    day is known from now on, and so is one whose filing day is not over.

    Parameters
    ----------
    stored
        Every stored version: concept, event_date, start_date, known_at, value, unit, form.
    answer
        The same columns, as `edgar.fetch_facts` gives them.
    """
    answer = answer.assign(known_at=answer["known_at"].where(answer["known_at"] <= now, now))
    if stored.empty:
        return answer, 0
    both = pd.concat([stored[answer.columns].assign(is_new=False), answer.assign(is_new=True)], ignore_index=True)
    both = both.sort_values([*_KEY, "known_at", "is_new"], kind="stable", ignore_index=True)
    before = both.groupby(_KEY, dropna=False, sort=False)[["value", "known_at"]].shift()
    repeated = both["is_new"] & (both["value"] == before["value"])
    clash = both["is_new"] & ~repeated & (both["known_at"] == before["known_at"])
    seen = ~both.groupby([*_KEY, "value"], dropna=False, sort=False)["is_new"].transform("min").astype(bool)
    repeated |= clash & seen  # the contradiction was stored before
    clash &= ~seen
    last = both.groupby(_KEY, dropna=False, sort=False)["known_at"].transform("max")
    late = (last + _TICK).where(last >= now, now)
    rows = both.assign(known_at=both["known_at"].mask(clash, late))[both["is_new"] & ~repeated]
    return rows[answer.columns].reset_index(drop=True), int(clash.sum())
