"""The ledger as a history: every forecast with its outcome and the position advised, and how well it was calibrated.

Live forecasts are the record; replays were made in hindsight and stand apart, and so do entries of an older version,
which did not say when they were issued. What counts and what an outcome is, `scoring` decides.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from bullbear.definitions import UP
from bullbear.documents import json_ready
from bullbear.errors import Found, InputError
from bullbear.forecasting.ledger import LIVE, REPLAY, UNKNOWN, Ledger
from bullbear.forecasting.scoring import score_ledger
from bullbear.home import Home

KINDS = (LIVE, REPLAY, UNKNOWN)
_GROUPS = {LIVE: "live", REPLAY: "replays", UNKNOWN: "unknown"}
Row = dict[str, Any]


def history_of(home: Home, question: str | None = None) -> Row:
    """The history of a home's ledger, JSON-ready.

    Returns
    -------
    `simulated`, `statement` (the record in one sentence), `forecasts` and `calibration`.
    A forecast: `entry` (its index in the ledger), `hash`, `kind`, `issued_at`, `decided_at`, `resolves_on`, `ticker`,
    `question`, `p`, `p_low`, `p_high`, `climatology`, `y` (1, 0 or None while it is open), `counts` (whether the record
    counts it: the first of a day and model), `model`, `run_id`, `trained_through`; of `up` `regime` and `positions`.
    Calibration, for each kind and question of which something has resolved: `kind`, `question`, `resolved`, `said` (the
    mean of p), `happened` (the share of ones), `climatology`, `bss`, `bss_low`, `bss_high`.

    Raises
    ------
    InputError
        The ledger has no forecast of the question.
    LedgerError
        It does not verify.
    """
    scored = score_ledger(home)
    entries = Ledger(home.forecasts / "ledger.jsonl").entries()
    rows = [_row(entries[record["entry"]], record) for record in scored["forecasts"]]
    asked = list(dict.fromkeys(row["question"] for row in rows))
    if question is not None:
        if question not in asked:
            allowed = ", ".join(asked) or "none: the ledger is empty"
            raise InputError("--question", question, f"a question of the ledger ({allowed})", "choose one of them")
        rows, asked = [row for row in rows if row["question"] == question], [question]
    of_question = {each["question"]: each for each in scored["questions"]}
    return {
        "simulated": scored["simulated"],
        "statement": of_question[question or UP.name]["statement"],
        "forecasts": rows,
        "calibration": calibration_of([of_question[name] for name in asked], rows),
    }


def exported(home: Home, question: str | None = None) -> pd.DataFrame:
    """The forecasts of `history_of` as a table, with a column `weight_TICKER` for each fund that `up` advised.

    Raises
    ------
    InputError
        The ledger holds nothing.
    """
    rows = history_of(home, question)["forecasts"]
    if not rows:
        remedy = "run `bullbear forecast` first"
        raise InputError("ledger.jsonl", Found("no forecasts of this store's market"), "a ledger with some", remedy)
    table = pd.DataFrame(rows).drop(columns="positions").astype({"y": "Int8"})
    weights = pd.DataFrame([row["positions"] or {} for row in rows]).add_prefix("weight_")
    advised = [row["positions"] is not None for row in rows]
    weights[advised] = weights[advised].fillna(0.0)  # not held; a question other than `up` advises nothing
    return pd.concat([table, weights], axis=1)


def _json(table: pd.DataFrame) -> str:
    return json.dumps([json_ready(row) for row in table.to_dict(orient="records")], indent=1, allow_nan=False) + "\n"


def _parquet(table: pd.DataFrame) -> bytes:
    content: bytes = table.to_parquet(None, index=False)
    return content


FORMATS: dict[str, Callable[[pd.DataFrame], str | bytes]] = {
    ".csv": lambda table: table.to_csv(index=False),
    ".parquet": _parquet,
    ".json": _json,
}
"""How `exported` is written, by the end of the file's name."""


def _row(entry: Mapping[str, Any], record: Mapping[str, Any]) -> Row:
    return {
        "entry": record["entry"],
        "hash": entry["ledger"]["hash"],
        "kind": record["kind"],
        "issued_at": record["issued_at"],
        "decided_at": record["decided_at"],
        "resolves_on": record["resolves_on"],
        "ticker": record["ticker"],
        "question": record["question"],
        "p": record["p"],
        "p_low": entry.get("p_low"),
        "p_high": entry.get("p_high"),
        "climatology": record["climatology"],
        "y": record["y"],
        "counts": record["counts"],
        "model": record["model"],
        "run_id": entry["model"].get("run_id"),
        "trained_through": entry["model"].get("trained_through"),
        "regime": entry.get("regime"),
        "positions": entry.get("positions"),
    }


def calibration_of(scored: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The key `calibration` of `history_of`, from the `questions` and `forecasts` of `score_ledger`."""
    lines = (_calibration(each, rows, kind) for kind in KINDS for each in scored)
    return [line for line in lines if line is not None]


def resolved(rows: Sequence[Mapping[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    """The forecasts of a kind that count and whose outcome is known."""
    return [row for row in rows if row["kind"] == kind and row["counts"] and row["y"] is not None]


def _calibration(scored: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], kind: str) -> Row | None:
    due = [row for row in resolved(rows, kind) if row["question"] == scored["question"]]
    if not due:
        return None
    means = {name: sum(row[key] for row in due) / len(due) for name, key in _MEANS.items()}
    skill = {name: scored[_GROUPS[kind]][name] for name in ("bss", "bss_low", "bss_high")}
    return {"kind": kind, "question": scored["question"], "resolved": len(due), **means, **skill}


_MEANS = {"said": "p", "happened": "y", "climatology": "climatology"}
