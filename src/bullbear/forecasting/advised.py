"""The account of live advice, read back from the ledger: what was last advised before a close, and at that close.

The last advice of an evening counts; earlier ones of the same evening were never traded and leave no trace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bullbear.decide import Book
from bullbear.decide.instruments import Instrument, packaged_instruments
from bullbear.definitions import FactorSpec
from bullbear.forecasting.earlier_account import EARLIER_VERSION, present_book
from bullbear.forecasting.ledger import LIVE, SCHEMA_VERSION, warn

ADVISED, HYPOTHETICAL = "advised", "hypothetical"

Entry = dict[str, Any]


@dataclass(frozen=True)
class Advised:
    """The account before a close (None: no advice yet), and the last entry that advised at the close itself.

    `factors` price what the account holds.
    """

    before: Book | None
    last: Entry | None
    factors: tuple[FactorSpec, ...] = ()

    def marked(self, made: Entry) -> Entry:
        """The account of the new entry `made`; `replaces` is the index of an entry at the same close that it replaces.

        Where the last entry says the same, its own account is returned: it is the same entry.
        """
        account: Entry = made["account"]
        if self.last is None:
            return account
        replaced = self.last["account"].get("replaces")
        again = account if replaced is None else account | {"replaces": replaced}
        is_same = (
            self.last["account"] == again
            and self.last.get("outlook") == made.get("outlook")
            and self.last["model"]["run_id"] == made["model"]["run_id"]
            and self.last["data"]["fingerprint"] == made["data"]["fingerprint"]
        )
        return again if is_same else account | {"replaces": self.last["ledger"]["index"]}


def live_advice(entries: Sequence[Entry], ticker: str | None, *, simulated: bool) -> list[Entry]:
    """The live entries with an account, of the simulated market or the real one; of any ticker for None."""
    return [
        entry
        for entry in entries
        if ticker in (None, entry["ticker"])
        and bool(entry["data"].get("simulated")) == simulated
        and entry.get("kind") == LIVE
        and entry.get("account", {}).get("kind") == ADVISED
    ]


def advised(
    entries: Sequence[Entry],
    ticker: str,
    *,
    simulated: bool,
    decided_at: str,
    instruments: Mapping[str, Instrument] | None = None,
) -> Advised:
    """What the ledger's live entries on `ticker`, of the simulated market or the real one, advised up to a close.

    Parameters
    ----------
    instruments
        Those of the home, by ticker, for entries of the version that did not carry them; the packaged ones without.
    """
    every = [each for each in live_advice(entries, ticker, simulated=simulated) if each["decided_at"] <= decided_at]
    found = [entry for entry in every if entry.get("schema_version") in (EARLIER_VERSION, SCHEMA_VERSION)]
    if every and not found:
        warn(
            f"the account advised on {every[-1]['decided_at'][:10]} is of schema_version "
            f"{every[-1].get('schema_version')}, which this version cannot read, and is not continued: this advice "
            "starts in cash; compare it with what you hold"
        )
    earlier = [entry for entry in found if entry["decided_at"] < decided_at]
    before, factors = None, list[FactorSpec]()
    if earlier:
        book = earlier[-1]["account"]["book"]
        factors = [FactorSpec.model_validate(each) for each in earlier[-1]["account"].get("factors", ())]
        before = Book.from_json(present_book(book, packaged_instruments() if instruments is None else instruments))
    return Advised(
        before=before,
        last=found[-1] if len(found) > len(earlier) and found[-1]["decided_at"] == decided_at else None,
        factors=tuple(factors),
    )
