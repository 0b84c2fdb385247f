"""Whether MLflow's registry and the forecasts agree on who is champion.

Forecasts read the folder `forecasts/champions/QUESTION` alone, so that they neither wait for MLflow nor follow a click
that no gate has seen. Somebody may set the alias `champion` in MLflow's UI all the same; then this tells it. The home's
own store is read without MLflow, and another one is not asked.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from urllib.parse import quote

from bullbear.definitions import UP
from bullbear.home import Home
from bullbear.tracking.registered_names import CHAMPION, name_of
from bullbear.tracking.run_list import champion_runs
from bullbear.tracking.stored_runs import is_own

_ALIASES = "SELECT name, run_id FROM registered_model_aliases JOIN model_versions USING (name, version) WHERE alias = ?"


def alias_notes(home: Home) -> list[str]:
    """A sentence for each question whose alias names another run than the forecasts use."""
    database = home.runs / "mlflow.db"
    if not is_own(home.runs) or not database.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True)) as store:
            marked = {str(name): str(run_id) for name, run_id in store.execute(_ALIASES, (CHAMPION,))}
    except sqlite3.Error:  # whoever needs the store says what is wrong with it
        return []
    notes = []
    for question, run_id in champion_runs(home).items():
        meta = json.loads((home.champion_of(question) / "bundle.json").read_text(encoding="utf-8"))
        name = name_of(question, home.ticker, simulated=bool(meta.get("simulated")))
        other = marked.get(name, run_id)
        if other != run_id:
            of = "" if question == UP.name else f" --question {question}"
            notes.append(
                f"MLflow's alias `champion` of {name} names run {other[:8]}, but forecasts of {question} use "
                f"{run_id[:8]}: `bullbear promote {other[:8]}` makes it champion, `bullbear promote champion{of}` sets "
                "the alias back"
            )
    return notes
