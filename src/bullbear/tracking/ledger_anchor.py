"""Records the head of the ledger in the tracking store, as a tag of the experiment.

The record never goes back: if the ledger does not continue what the store has seen, the tag stays and a note says so;
`bullbear score` then refuses the ledger.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from mlflow.exceptions import MlflowException

from bullbear.errors import BullbearError
from bullbear.forecasting.chain import Anchor
from bullbear.forecasting.ledger import Ledger, warn
from bullbear.forecasting.tracked_anchor import TAG
from bullbear.home import Home
from bullbear.tracking.mlflow_store import connect, experiment_id, is_local
from bullbear.tracking.usable import cause


def record_ledger_head(home: Home, *, say: Callable[[str], None] = warn) -> Anchor | None:
    """Record what the ledger holds now; the anchor recorded, None where there is nothing to record.

    It never fails: the work before it is done, so an error becomes a note.
    """
    try:
        entries = Ledger(home.forecasts / "ledger.jsonl", say=say).entries()
        client = connect(home.runs)
        experiment = client.get_experiment(experiment_id(client, home.runs))
        # Several homes may share a server: there each ledger has its own tag, named by its first entry.
        tag = TAG if is_local(home.runs) else f"{TAG}.{Anchor.of(entries[:1]).hash[:12]}"
        seen = experiment.tags.get(tag)
        if seen is not None:
            Anchor.read(seen, f"MLflow store, tag {tag}").check(entries, "the MLflow store")
        if not entries:
            return None
        anchor = Anchor.of(entries)
        if anchor.text() != seen:
            client.set_experiment_tag(experiment.experiment_id, tag, anchor.text())
        return anchor
    except (BullbearError, MlflowException, OSError, sqlite3.Error) as bad:
        say(f"the ledger was not recorded in the MLflow store: {cause(bad)}")
        return None
