"""Leaks of the store and the ledger: entries that no evening could have issued, and rows that no evening knew."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from tests.audit.mutants import Bench, mutant

from bullbear.audit.subject import Subject
from bullbear.data.segments import KINDS
from bullbear.data.store import Store
from bullbear.data.view import View
from bullbear.files import FileLock, write_whole
from bullbear.forecasting.bundle import Bundle, read_bundle
from bullbear.forecasting.chain import Anchor, canonical, seal
from bullbear.forecasting.forecast import issue
from bullbear.home import Home
from bullbear.sessions import closes
from bullbear.tracking import Runs
from bullbear.workflows.auditing import subject_of

EVENINGS = pd.DatetimeIndex(["2007-12-27", "2007-12-28", "2007-12-31"])
_LATE = ("VIXCLS", "2007-12-26")
"""A row that this machine stored an evening after it was published."""


def live(subject: Subject, folder: Path) -> Subject:
    """The subject in a copy of its home whose rows were stored evening by evening, with a live forecast at each."""
    home = Home(Path(shutil.copytree(_live_home(subject.home.root), folder / "home", copy_function=_linked)))
    return subject_of(home, Runs(home), "small")


def _linked(source: str, target: str) -> object:
    is_large = "/models/" in source or source.endswith((".parquet", ".npy"))
    return os.link(source, target) if is_large else shutil.copy2(source, target)


def _live_home(trained: Path) -> Path:
    """Built once for all workers, beside the home that it is made of."""
    place = trained.parent / "live home"
    with FileLock(trained.parent / "live home.lock"):
        if not (trained.parent / "live home.built").exists():
            _build(trained, place)
            (trained.parent / "live home.built").touch()
    return place


def _build(trained: Path, place: Path) -> None:
    shutil.copytree(trained, place, copy_function=_linked, ignore=shutil.ignore_patterns("*.parquet"))
    for name in ("ledger.jsonl", "ledger.head"):
        (place / "forecasts" / name).unlink()
    home, known = Home(place), pd.Timestamp("1970-01-01", tz="UTC")
    every = {kind: _rows(trained / "data" / kind) for kind in KINDS}
    every = {kind: frame for kind, frame in every.items() if len(frame)}
    store = Store(place / "data")
    for close in closes(EVENINGS):
        by = {kind: _of_evening(frame, known, close) for kind, frame in every.items()}
        stored = close + pd.Timedelta(minutes=30)
        store.append_all({kind: frame for kind, frame in by.items() if len(frame)}, stored)
        known = close
        issue(home, now=close + pd.Timedelta(hours=1), refit=False, say=lambda line: None)


def _rows(folder: Path) -> pd.DataFrame:
    parts = [pd.read_parquet(path).drop(columns="stored_at") for path in sorted(folder.glob("*.parquet"))]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _of_evening(rows: pd.DataFrame, after: pd.Timestamp, until: pd.Timestamp) -> pd.DataFrame:
    seen = rows["known_at"]
    late = (rows["series"] == _LATE[0]) & (rows["event_date"] == pd.Timestamp(_LATE[1]))
    seen = seen.where(~late, seen + pd.Timedelta(days=1))
    return rows[(seen > after) & (seen <= until)]


def _written(subject: Subject, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Subject:
    """The ledger with other entries, all of its hashes computed anew, and its head."""
    path = subject.home.forecasts / "ledger.jsonl"
    entries = change([json.loads(line) for line in path.read_text().splitlines()])
    last, chained = "0" * 64, []
    for place, entry in enumerate(entries):
        content = {name: value for name, value in entry.items() if name != "ledger"}
        stamp = {"index": place, "hash": seal(content, place, last), "previous_hash": last}
        chained.append({**content, "ledger": stamp})
        last = str(stamp["hash"])
    path.write_text("".join(canonical(entry) + "\n" for entry in chained))
    write_whole(path.with_suffix(".head"), Anchor.of(chained).text() + "\n")
    return subject


def _of_up(change: Callable[[dict[str, Any]], None], evening: int = 0) -> Callable[..., list[dict[str, Any]]]:
    def changed(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        change([entry for entry in entries if entry["question"] == "up"][evening])
        return entries

    return changed


@mutant("as-stored", says=r"entry \d+ \(up, decided 2007-06-14, replay\): .*; vix was .*, and is")
def store_that_serves_rows_known_a_day_later(bench: Bench) -> Subject:
    subject = live(bench.subject, bench.folder)
    issue(subject.home, "2007-06-14", now=pd.Timestamp("2008-01-02 12:00", tz="UTC"), say=lambda line: None)
    return replace(subject, store=subject.changed(Early()))


class Early:
    """A change of the store: observations count as known a day before they were."""

    def touches(self, kind: str, series: str) -> bool:
        return kind == "observations"

    def rows(self, kind: str, series: str, frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(known_at=frame["known_at"] - pd.Timedelta(days=1))


@mutant(
    "as-stored",
    says=r"entry \d+ \(up, decided 2007-12-27, live\): factors or labels differ from .*; vix was .*, and is",
)
def store_that_reads_what_was_stored_later(bench: Bench) -> Subject:
    real = Store.as_of
    subject = live(bench.subject, bench.folder)

    def as_of(self: Store, instant: pd.Timestamp | None = None, stored: pd.Timestamp | None = None) -> View:
        return real(self, instant)

    bench.patch.setattr(Store, "as_of", as_of)
    return subject


@mutant("as-stored", says=r"entry 0 \(up, .*live\), issued .* rests on rows stored until .*, later than it was issued")
def entry_from_rows_that_were_stored_later(bench: Bench) -> Subject:
    def change(entry: dict[str, Any]) -> None:
        entry["data"]["stored_through"] = "2007-12-31T21:30:00.000000Z"

    return _written(live(bench.subject, bench.folder), _of_up(change))


@mutant("as-stored", says=r"entry \d+ \(up, .*live\), issued .* stands in the ledger behind one issued")
def live_entry_dated_back(bench: Bench) -> Subject:
    def change(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        first = next(entry for entry in entries if entry["question"] == "up")
        return [*entries, {name: value for name, value in first.items() if name != "batch"} | {"p_up": 0.9}]

    return _written(live(bench.subject, bench.folder), change)


@mutant("as-stored", says=r"entry \d+ \(up, .*live\), issued .* calls itself live")
def replay_that_calls_itself_live(bench: Bench) -> Subject:
    subject = live(bench.subject, bench.folder)
    issue(subject.home, "2007-06-15", now=pd.Timestamp("2008-01-02 12:00", tz="UTC"), say=lambda line: None)

    def change(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**entry, "kind": "live"} for entry in entries]

    return _written(subject, change)


@mutant("as-stored", says=r"entry 8 \(up, .*live\): p_up is .* from the same factors and labels")
def probability_changed_and_the_chain_written_anew(bench: Bench) -> Subject:
    def change(entry: dict[str, Any]) -> None:
        entry["p_up"] += 1e-12

    return _written(live(bench.subject, bench.folder), _of_up(change, evening=1))


@mutant("as-stored", says=r"the ledger does not verify: ledger.jsonl:1")
def probability_changed_in_the_file(bench: Bench) -> Subject:
    subject = live(bench.subject, bench.folder)
    path = subject.home.forecasts / "ledger.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    lines[0] = lines[0].replace('"p_up":0.', '"p_up":0.1', 1)
    path.write_text("".join(lines))
    return subject


@mutant("as-stored", says=r"entry \d+ \(up, decided 2007-06-15, replay\), .* by a model fitted through 2007-09")
def replay_by_the_newest_model(bench: Bench) -> Subject:
    subject = live(bench.subject, bench.folder)
    with bench.patch.context() as patch:
        patch.setattr(Bundle, "model_for", lambda self, session: self.model_named(self.trained_through()[-1]))
        issue(subject.home, "2007-06-15", now=pd.Timestamp("2008-01-02 12:00", tz="UTC"), say=lambda line: None)
    return replace(subject, bundles={"up": read_bundle(subject.home.champion)})
