"""`bullbear demote` and `bullbear rollback`: a champion taken down, and the one before put back.

Both work on the home's own folders, so that they need neither the tracking store nor the code of the champion that
goes. The registry follows as far as it can be reached.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from bullbear.definitions import UP
from bullbear.errors import BullbearError, Found, RunError
from bullbear.forecasting.bundle import Bundle, champion_of, read_bundle
from bullbear.forecasting.bundle_writing import write_bundle
from bullbear.forecasting.champion_history import (
    DEMOTED,
    ROLLED_BACK,
    Change,
    copy_bundle,
    forced,
    former,
    install,
    not_there,
    usable_former,
)
from bullbear.forecasting.forecast_record import Record
from bullbear.forecasting.holdout import lock_of
from bullbear.home import Home
from bullbear.tracking.tags import CHAMPION, FORCED_CHAMPION, no_longer_champion

BASE_RATE = "climatology"
"""The model that answers `up` where no other one does."""


@dataclass(frozen=True)
class Succession:
    """What a demotion or a roll-back did: `went` and `came` name a model and its run, None where there is none."""

    change: Change
    went: str | None
    came: str | None
    notes: tuple[str, ...] = ()


def demote(home: Home, question: str, reason: str = "") -> Succession:
    """Take the champion of a question down, so that the base rate answers.

    The bundle is kept, and `rollback` puts it back. Positions are held on the forecasts of `up`, so there the base rate
    becomes champion: its newest tracked run, else a former champion of that kind, else a training that is not tracked.

    Raises
    ------
    RunError
        The question has no champion, or that of `up` is the base rate already.
    InputError
        The base rate cannot be trained: the store is empty.
    """
    if not home.has_champion(question):
        raise not_there(question)
    place = home.champion_of(question).resolve()
    present = _read(place, question)
    if question != UP.name:
        change = _required(install(home, question, None, action=DEMOTED, reason=reason, instead_of=place))
        return _told(home, question, change, present)
    if present is not None and _is_base_rate(present):
        allowed = "a champion with a signal"
        raise RunError(champion_of(question), f"{_name(present)}, the base rate", allowed, "nothing needs to be done")
    with home.staging() as folder:
        staged = folder / "bundle"
        model, run_id = _stage_base_rate(home, staged)
        change = _required(
            install(
                home, question, staged,
                action=DEMOTED, reason=reason, model=model, run_id=run_id, instead_of=place,
            )
        )  # fmt: skip
    return _told(home, question, change, present)


def rollback(home: Home, question: str, reason: str = "") -> Succession:
    """Put the champion before the present one back; of several that cannot be used any more the first that can.

    Raises
    ------
    RunError
        There was none before, or none of those kept can be used.
    """
    was_there, place = home.has_champion(question), home.champion_of(question).resolve()
    present = _read(place, question)
    bundle, skipped = usable_former(home, question)
    if bundle is None:
        names = former(home, question)
        value = Found("none before it" if not names else f"none that can be used: {'; '.join(skipped)}")
        raise RunError(
            f"former {champion_of(question)}", value, "one that is kept", "`bullbear promote RUN` makes another"
        )
    run_id = str(bundle.meta["run_id"])
    with home.staging() as folder:
        staged = folder / "bundle"
        copy_bundle(bundle.root, staged)
        change = _required(
            install(
                home, question, staged,
                action=ROLLED_BACK, reason=reason, model=bundle.definition.name, run_id=run_id, instead_of=place,
            )
        )  # fmt: skip
    return _told(home, question, change, present, tuple(skipped), was_there=was_there)


def _told(
    home: Home,
    question: str,
    change: Change,
    went: Bundle | None,
    skipped: tuple[str, ...] = (),
    *,
    was_there: bool = True,
) -> Succession:
    """What was done, with the tracking store following as far as it can."""
    notes = list(skipped)
    came = _read(home.champion_of(question), question)
    named = came or went
    ticker = named.definition.target.ticker if named else home.ticker
    why = f": {change.reason}" if change.reason else ""
    verb = "put back" if change.action == ROLLED_BACK else "the base rate, after a demotion"
    kind = FORCED_CHAMPION if came is not None and forced(came.meta) else CHAMPION
    ended = no_longer_champion(f"{change.action}{why}", forced=went is not None and forced(went.meta) is not None)
    _follow(home, question, change, f"{kind}: {verb}{why}", ended, ticker, notes.append)
    return Succession(
        change,
        _name(went) if went else "a champion that cannot be read" if was_there else None,
        None if change.run_id is None else f"{change.model} {change.run_id[:8]}",
        tuple(notes),
    )


def _follow(
    home: Home,
    question: str,
    change: Change,
    came: str,
    went: str,
    ticker: str,
    say: Callable[[str], None],
) -> None:
    try:
        from bullbear.tracking import Runs
        from bullbear.tracking.mlflow_store import exists

        if not exists(home.runs):
            return
        runs = Runs(home)
        runs.follow(question, change.run_id, came, ticker=ticker, say=say)
        if change.before is not None:
            runs.note_verdict(change.before, went, say=say)
    except (BullbearError, ImportError) as bad:
        say(f"MLflow was not told: {bad}")


def _stage_base_rate(home: Home, staged: Path) -> tuple[str, str]:
    """Put a bundle of the base rate into `staged`; its model and run."""
    found = _tracked_base_rate(home)
    if found is None:
        kept, _ = usable_former(home, UP.name, base_rate=True)
        found = None if kept is None else (kept, str(kept.meta["run_id"]))
    if found is not None:
        bundle, run_id = found
        copy_bundle(bundle.root, staged)
        meta = json.loads((staged / "bundle.json").read_text(encoding="utf-8"))
        (staged / "bundle.json").write_text(json.dumps({**meta, "run_id": run_id}, indent=1), encoding="utf-8")
        return bundle.definition.name, run_id
    return _train_base_rate(home, staged)


def _tracked_base_rate(home: Home) -> tuple[Bundle, str] | None:
    try:
        from bullbear.tracking import Runs
        from bullbear.tracking.mlflow_store import exists

        if not exists(home.runs):
            return None
        run = Runs(home).find(BASE_RATE, UP.name)
        run.bundle.require_usable()
    except (BullbearError, ImportError):
        return None
    store = home.store()
    alike = store.is_empty or run.simulated == store.is_simulated
    return (run.bundle, run.run_id) if alike and _is_base_rate(run.bundle, run.run_id) else None


def _train_base_rate(home: Home, staged: Path) -> tuple[str, str]:
    """Train the base rate without tracking it."""
    from bullbear.dataset import build_all
    from bullbear.learn import train_all

    model = home.model(BASE_RATE).only(UP.name)
    store = lock_of(home, BASE_RATE, model.definition_hash).store(home.filled_store())
    examples = build_all(store.as_of(), model.feature_sets, model.definition.targets)
    (training,) = train_all(model.definition, model.feature_sets, examples, source=model.source)
    run_id = f"untracked{uuid4().hex}"[:32]
    write_bundle(
        staged,
        definition=model.definition,
        feature_sets=model.feature_sets,
        rule=model.rule,
        definition_hash=model.definition_hash,
        fingerprint=examples[0].fingerprint,
        simulated=store.is_simulated,
        training=training,
    )
    meta = json.loads((staged / "bundle.json").read_text(encoding="utf-8"))
    (staged / "bundle.json").write_text(json.dumps({**meta, "run_id": run_id}, indent=1), encoding="utf-8")
    return model.definition.name, run_id


def _read(place: Path, question: str) -> Bundle | None:
    """The champion at `place`, as far as its `bundle.json` can be read; its code may be gone."""
    try:
        found = read_bundle(place, label=champion_of(question))
        _ = str(found.meta["run_id"])
        return found
    except (BullbearError, KeyError):
        return None


def _is_base_rate(bundle: Bundle, run_id: str | None = None) -> bool:
    try:
        return not Record.of(bundle, run_id).has_signal
    except (BullbearError, ValueError, KeyError, TypeError):
        return False


def _name(bundle: Bundle) -> str:
    return f"{bundle.definition.name} {str(bundle.meta['run_id'])[:8]}"


def _required(change: Change | None) -> Change:
    assert change is not None, "another run has come"
    return change
