"""What is true of the simulated companies, kept outside the store, where no factor, label or learner reads.

The true expected return above IWM's of the next 21 sessions says how well a ranking can do: its information coefficient
against what happened is the ceiling of every picker, and nothing at all with `signal = 0`.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.stats import rankdata

from bullbear.errors import NoDataError
from bullbear.files import write_whole

FEWEST = 10
"""Companies without which a session has no information coefficient."""


@dataclass(frozen=True)
class CompanyTruth:
    """The truth of a whole market.

    Attributes
    ----------
    expected, realised
        By session (rows) and company (columns): the expected total return of the next 21 sessions above IWM's, known
        to the simulator alone, NaN where the company is not listed or its end is announced; and what it became, NaN in
        the last 21 sessions. A company that ends keeps its last value.
    misprints
        One row per wrong bar: company, session, kind, shown and true (closes), corrected_at (NaT: never).
    """

    expected: pd.DataFrame
    realised: pd.DataFrame
    misprints: pd.DataFrame

    @classmethod
    def joined(cls, parts: Sequence[CompanyTruth]) -> CompanyTruth:
        """The truth of companies of which each part has some."""
        expected = pd.concat([part.expected for part in parts], axis=1)
        realised = pd.concat([part.realised for part in parts], axis=1)
        misprints = pd.concat([part.misprints for part in parts], ignore_index=True)
        order = sorted(expected.columns)
        return cls(expected[order], realised[order], misprints.sort_values(["session", "company"], ignore_index=True))

    def information(self, scores: pd.DataFrame | None = None, members: NDArray[np.bool_] | None = None) -> pd.DataFrame:
        """The rank information coefficient of each session, in the cross-section of companies.

        Parameters
        ----------
        scores
            A ranking to judge, higher is better; by session and company, NaN where it has none. By default the true
            expectation: the oracle.
        members
            Which companies belong to the group, in the shape of `expected`; by default all that have an expectation.

        Returns
        -------
        Columns decided (session), names (companies ranked) and ic: Spearman's correlation with `realised`, NaN where
        fewer than ten are ranked or all scores are equal. Only sessions of `scores`.

        Example
        -------
        >>> days = pd.DatetimeIndex(["2000-01-03"])
        >>> names = [f"C{place:02d}" for place in range(12)]
        >>> rank = pd.DataFrame([range(12)], index=days, columns=names, dtype=float)
        >>> truth = CompanyTruth(rank, rank**3, pd.DataFrame())
        >>> truth.information()[["names", "ic"]].round(6).values.tolist(), truth.information(-rank)["ic"].tolist()
        ([[12.0, 1.0]], [-1.0])
        """
        known = self.expected if members is None else self.expected.where(members)
        judged = (
            known
            if scores is None
            else scores.reindex(columns=known.columns).where(known.reindex(scores.index).notna())
        )
        made = self.realised.reindex(judged.index).to_numpy()
        values = judged.to_numpy()
        ranked = np.isfinite(values) & np.isfinite(made)
        found = [_spearman(v[ok], m[ok]) for v, m, ok in zip(values, made, ranked, strict=True)]
        return pd.DataFrame({"decided": judged.index, "names": ranked.sum(axis=1), "ic": np.array(found, dtype=float)})


def write_company_truth(truth: CompanyTruth, home: Path) -> None:
    """Write it under `home/oracle`; the caller holds the store's lock."""
    for name in ("expected", "realised", "misprints"):
        content = io.BytesIO()
        getattr(truth, name).to_parquet(content, index=name != "misprints")
        write_whole(_place(home, name), content.getbuffer())


def read_company_truth(home: Path, companies: Collection[str] | None = None) -> CompanyTruth:
    """The truth of the simulated companies in `home`, of some of them or all.

    Raises
    ------
    NoDataError
        This home has no simulated companies, or not one of those.
    """
    place = _place(home, "expected")
    if not place.exists():
        remedy = "run `bullbear simulate --companies 500` in an empty home"
        raise NoDataError("truth of companies", str(place), "the home of a simulated market with companies", remedy)
    misprints = pd.read_parquet(_place(home, "misprints"))
    columns = None
    if companies is not None:
        held = set(pq.read_schema(place).names)
        for name in companies:
            if name not in held:
                raise NoDataError("truth of company", name, "a company of this market", "choose another")
        columns = sorted(companies)
        misprints = misprints[misprints["company"].isin(columns)].reset_index(drop=True)
    expected, realised = (pd.read_parquet(_place(home, name), columns=columns) for name in ("expected", "realised"))
    return CompanyTruth(expected, realised, misprints)


def _spearman(scores: np.ndarray, made: np.ndarray) -> float:
    if len(scores) < FEWEST or np.ptp(scores) == 0.0:
        return np.nan
    return float(np.corrcoef(rankdata(scores), rankdata(made))[0, 1])


def _place(home: Path, name: str) -> Path:
    return Path(home) / "oracle" / f"companies-{name}.parquet"
