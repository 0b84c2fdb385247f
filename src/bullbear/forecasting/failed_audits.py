"""Runs whose newest audit failed, in a small file beside the champions: a forecast need not open MLflow for it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bullbear.definitions import UP
from bullbear.files import write_whole
from bullbear.forecasting.champion_history import run_at
from bullbear.home import Home

FILE = "failed_audits.json"
"""Of the folder `forecasts`: by run id the day (`at`), the checks that failed (`failed`) and the `page`."""


def record_audit(home: Home, run_ids: Iterable[str], failed: Sequence[str], at: str, page: str) -> None:
    """Remember that an audit of these runs failed, or forget that an earlier one did.

    Parameters
    ----------
    failed
        Names of the checks that failed; none if the audit passed.
    page
        Where its evidence is, from the home.
    """
    with home.champion_lock():
        try:
            kept: dict[str, dict[str, Any]] | None = _kept(home)
        except ValueError:
            kept = None  # damaged: written anew
        ids = set(run_ids)
        found = {name: value for name, value in (kept or {}).items() if name not in ids}
        if failed:
            found |= {name: {"at": at, "failed": list(failed), "page": page} for name in sorted(ids)}
        if found != kept:
            write_whole(home.forecasts / FILE, json.dumps(found, indent=1))


def failed_audits(home: Home, question: str | None = None) -> list[str]:
    """A sentence for each champion, or for that of one question, whose newest audit failed."""
    try:
        kept = _kept(home)
    except ValueError:
        return [f"{_path(home)} cannot be read: `bullbear audit` tells which champions look ahead, and writes it anew"]
    if not kept:
        return []
    folder = home.forecasts / "champions"
    questions = [question] if question is not None else sorted(each.name for each in folder.glob("[a-z]*"))
    questions.sort(key=lambda name: (name != UP.name, name))
    found = [(name, kept.get(run_at(folder / name) or "")) for name in questions]
    return [_sentence(name, audit) for name, audit in found if audit is not None]


def _sentence(question: str, audit: Mapping[str, Any]) -> str:
    option = "" if question == UP.name else f" --question {question}"
    return (
        f"the audit of the champion of {question} failed on {audit['at'][:10]}: {', '.join(audit['failed'])}; see "
        f"{audit['page']}; `bullbear rollback{option}` or `bullbear demote{option}` takes it down"
    )


def _path(home: Home) -> Path:
    return (home.forecasts / FILE).relative_to(home.root)


def _kept(home: Home) -> dict[str, dict[str, Any]]:
    """Raises ValueError if the file is damaged."""
    try:
        found = json.loads((home.forecasts / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as bad:
        raise ValueError(str(bad)) from bad
    if not isinstance(found, dict) or not all(
        isinstance(each, dict) and {"at", "failed", "page"} <= set(each) for each in found.values()
    ):
        raise ValueError("it is no record of audits")
    return found
