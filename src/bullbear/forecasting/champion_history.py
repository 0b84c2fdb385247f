"""Who was champion of a question, since when and why, and the bundles of those before, so that one can return.

`forecasts/champions.jsonl` has a line for every change and is only ever appended to. `forecasts/former/QUESTION/RUN_ID`
keeps the bundle of a champion that was replaced or taken down, the newest few. Neither needs the tracking store.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd

from bullbear.errors import BullbearError, Found, RunError
from bullbear.files import named, replace_folder
from bullbear.forecasting.bundle import Bundle, champion_of, read_bundle
from bullbear.home import Home

PROMOTED, FORCED, DEMOTED, ROLLED_BACK = "promoted", "forced", "demoted", "rolled back"
KEPT = 5
"""Former champions of a question whose bundles are kept."""


@dataclass(frozen=True)
class Change:
    """One change of a question's champion: `run_id` in the place of `before`; None where there is no champion."""

    at: str
    question: str
    action: str
    model: str | None
    run_id: str | None
    before: str | None
    reason: str = ""


def changes_of(home: Home, question: str | None = None) -> list[Change]:
    """The changes of one question, or of all, the oldest first; a line that was cut short is none."""
    try:
        text = _file(home).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    known = {field.name for field in fields(Change)}
    found = []
    for line in text.splitlines():
        try:
            found.append(Change(**{key: value for key, value in json.loads(line).items() if key in known}))
        except (ValueError, TypeError, AttributeError):
            continue
    return [each for each in found if question in (None, each.question)]


def install(
    home: Home,
    question: str,
    staged: Path | None,
    *,
    action: str,
    reason: str = "",
    model: str | None = None,
    run_id: str | None = None,
    instead_of: Path | None = None,
) -> Change | None:
    """Put the bundle `staged` in the place of a question's champion, which is kept aside; None takes it down alone.

    Parameters
    ----------
    staged
        On the disk of the home; it is moved.
    instead_of
        What the place of the champion must resolve to; None for whatever is there.

    Returns
    -------
    The change; None where the same run stays champion, which only a forced promotion records.

    Raises
    ------
    RunError
        Another champion than `instead_of` stands there by now, or the present one cannot be kept; nothing has changed.
    """
    place = home.champion_of(question)
    with home.champion_lock():
        if instead_of is not None and place.resolve() != instead_of:
            raise RunError("champion", Found("replaced meanwhile"), "one change at a time", "run the command again")
        before = run_at(place)
        if before is not None and before != run_id:
            _keep(home, question, place, before)
        change = Change(pd.Timestamp.now("UTC").isoformat(), question, action, model, run_id, before, reason)
        if staged is None:
            # First the line: a kill in between then leaves the champion, to be taken down again, and not a gap in the
            # history. Of a champion that was replaced without a line the next change tells, as `before`.
            _append(home, change)
            if place.is_symlink():
                place.unlink()
            elif place.is_dir():  # as in some copies of a home
                shutil.rmtree(place)
            return change
        replace_folder(staged, place)
        if before == run_id and action == PROMOTED:
            return None
        _append(home, change)
        return change


def former(home: Home, question: str) -> list[str]:
    """The run ids of those who were champion before the present one, the last first."""
    present = run_at(home.champion_of(question))
    found: list[str | None] = []
    for each in changes_of(home, question):
        if each.before not in (None, *found[-1:]):
            found.append(each.before)  # from before the history, or put there by hand
        if each.action == ROLLED_BACK and each.run_id in found:
            found = found[: len(found) - found[::-1].index(each.run_id)]
        else:
            found.append(each.run_id)
    while found and found[-1] == present:
        found.pop()
    return [each for each in dict.fromkeys(found[::-1]) if each not in (None, present)]


def kept_bundle(home: Home, question: str, run_id: str) -> Bundle:
    """The bundle of a former champion, usable by this version.

    Raises
    ------
    RunError
        It is not kept any more, damaged, or of factors or code that are gone.
    """
    found = read_bundle(kept_at(home, question, run_id), label=f"former {champion_of(question)} {run_id[:8]}")
    found.require_usable()
    return found


def kept_at(home: Home, question: str, run_id: str) -> Path:
    """Where the bundle of a former champion is kept.

    Raises
    ------
    RunError
        No run can have this id: what looks like a path would lead elsewhere.
    """
    if not _is_run_id(run_id):
        raise RunError("run", run_id, "letters, digits, _ and -", "promote another run")
    return home.forecasts / "former" / home.champion_of(question).name / run_id


def usable_former(home: Home, question: str, *, base_rate: bool = False) -> tuple[Bundle | None, list[str]]:
    """The last former champion that can forecast on this store, and why later ones cannot.

    Parameters
    ----------
    base_rate
        Only one that always says the base rate.
    """
    from bullbear.forecasting.forecast_record import Record

    store, skipped = home.store(), []
    for run_id in former(home, question):
        try:
            bundle = kept_bundle(home, question, run_id)
            if base_rate and Record.of(bundle, run_id).has_signal:
                continue
        except BullbearError as bad:
            skipped.append(str(bad))
            continue
        if not store.is_empty and bool(bundle.meta["simulated"]) != store.is_simulated:
            skipped.append(f"{bundle.label}: it is of another kind of data than the store")
            continue
        return bundle, skipped
    return None, skipped


def copy_bundle(source: Path, target: Path, *, partly: bool = False) -> None:
    """A copy of a bundle on the same disk, whose models, which never change, are links.

    Parameters
    ----------
    partly
        Leave out what cannot be read, instead of raising its OSError.
    """
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.rglob("*")):
        there = target / path.relative_to(source)
        if path.is_dir():
            there.mkdir(exist_ok=True)
            continue
        try:
            if path.parent.name == "models":
                os.link(path, there)
                continue
        except OSError:
            pass  # a disk without links
        try:
            content = path.read_bytes()
        except OSError:
            if partly:
                continue
            raise
        with named(there):
            there.write_bytes(content)


def run_at(place: Path) -> str | None:
    """The run whose bundle lies at a champion's place; None if there is none or it cannot be read."""
    found = meta_at(place).get("run_id")
    return found if isinstance(found, str) and _is_run_id(found) else None


def meta_at(place: Path) -> dict[str, Any]:
    """The `bundle.json` at a champion's place; empty if there is none or it cannot be read."""
    try:
        found = json.loads((place / "bundle.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def forced(meta: Mapping[str, Any]) -> dict[str, str] | None:
    """When and why a champion was promoted against the gate, from its bundle's `meta`: `at`, `reason`, `refused`."""
    found = meta.get("forced")
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, Mapping) else None


def as_documents(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """Ready for JSON."""
    return [asdict(each) for each in changes]


def _is_run_id(text: str) -> bool:
    return re.fullmatch(r"[\w-]+", text) is not None


def _file(home: Home) -> Path:
    return home.forecasts / "champions.jsonl"


def _append(home: Home, change: Change) -> None:
    path = _file(home)
    with named(path), open(path, "a+b") as file:
        file.seek(0, os.SEEK_END)
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # a line that a killed process left unfinished
                file.write(b"\n")
        file.write(json.dumps(asdict(change)).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _keep(home: Home, question: str, place: Path, run_id: str) -> None:
    target = kept_at(home, question, run_id)
    staged = target.parent / f".staged-{uuid4().hex}"
    try:
        copy_bundle(place.resolve(), staged, partly=True)  # a damaged one must be able to go
        shutil.rmtree(target, ignore_errors=True)
        os.replace(staged, target)
    except OSError as bad:
        with suppress(OSError):
            shutil.rmtree(staged)
        why = Found(f"it cannot be kept for a roll-back: {bad.strerror or bad} ({bad.filename})")
        remedy = "make room or give the right to write there, then run the command again"
        raise RunError(champion_of(question), why, "a champion that is kept before it goes", remedy) from bad
    newest = [run_id, *former(home, question)][:KEPT]
    for each in target.parent.iterdir():
        if each.name not in newest:
            shutil.rmtree(each, ignore_errors=True)


def not_there(question: str) -> RunError:
    """The refusal where a question has no champion."""
    return RunError(champion_of(question), Found("none yet"), "a promoted run", "`bullbear promote RUN` makes one")
