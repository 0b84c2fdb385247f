"""What MLflow leaves that was killed while it wrote."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path


def leave_journal(database: Path) -> Path:
    """Put a database and its journal as they are in the midst of a transaction; returns the journal's path."""
    journal = database.with_name(f"{database.name}-journal")
    cut = [database.with_name("cut.db"), database.with_name("cut.journal")]
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size = 2")  # pages, so that it spills into the file
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE tags SET value = value || 'x'")
        writer.execute("CREATE TABLE filling AS SELECT zeroblob(1000000) AS blob")
        shutil.copy(database, cut[0])
        shutil.copy(journal, cut[1])
        writer.execute("ROLLBACK")
    cut[0].replace(database)
    cut[1].replace(journal)
    return journal
