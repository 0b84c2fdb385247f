"""The ledger's anchor in the tracking store: a second witness, in another file than the ledger's own head.

`tracking.ledger_anchor` writes it whenever a command has loaded MLflow anyway. It is read here from MLflow's SQLite
file itself, read-only, because loading MLflow would take longer than scoring a ledger.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from bullbear.forecasting.chain import Anchor
from bullbear.home import experiment_name

TAG = "ledger.head"
_TAGS = "SELECT value FROM experiment_tags JOIN experiments USING (experiment_id) WHERE key = ? AND name = ?"


def tracked_anchor(runs: Path) -> Anchor | None:
    """The anchor in the SQLite store of a home; None where there is no store, or none in it.

    A remote store is not asked.

    Raises
    ------
    LedgerError
        The tag is there and is no anchor.
    sqlite3.Error
        The store cannot be read.
    """
    database = runs / "mlflow.db"
    if not database.is_file():
        return None
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        found = connection.execute(_TAGS, (TAG, experiment_name(runs))).fetchall()
    anchors = [Anchor.read(str(text), f"{database.name}, tag {TAG}") for (text,) in found]
    return max(anchors, key=lambda anchor: anchor.count, default=None)
