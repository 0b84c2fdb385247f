"""What a training may ask for while a hold-out is sealed, and what it says of the sealed days afterwards."""

from __future__ import annotations

import pandas as pd

from bullbear.dataset import splitter_of
from bullbear.definitions.holdout import HoldOut
from bullbear.errors import HoldOutError
from bullbear.forecasting.holdout import FILE, Lock, lock_of
from bullbear.home import Home
from bullbear.model import Model
from bullbear.sessions import between, day
from bullbear.workflows.trained import TrainedModel


def require_unsealed(home: Home, model: Model, lock: Lock, start: str | None, end: str | None) -> None:
    """Refuse a training that asks for sealed days which the store holds.

    Raises
    ------
    HoldOutError
        Its forecasts, up to `end` or to the last session, would reach into the sealed days.
    """
    period = lock.period
    if period is None or not lock.is_shut or (end is not None and end < period.first):
        return
    held = _last_held(home, model, period)
    if held is None:
        return
    asked = "" if end is None else f", --end {end} does not end before it"
    sealed = f"{period.span} is sealed for {model.definition.name} ({FILE})"
    reason = f"{sealed}{asked}, and the store has bars to {held.date()}"
    last = last_open_session(period)
    if last < day(start or splitter_of(model.definition).first):
        raise HoldOutError(reason, lock.remedy)
    raise HoldOutError(reason, f"train with --end {last.date()}, or: {lock.remedy}")


def end_before_seal(home: Home, name: str) -> str | None:
    """The last day up to which `models/NAME.toml` can be trained now; None where no sealed day is in the way."""
    if home.holdout() is None:
        return None
    model = home.model(name)
    lock = lock_of(home, name, model.definition_hash)
    if lock.period is None or not lock.is_shut or _last_held(home, model, lock.period) is None:
        return None
    return str(last_open_session(lock.period).date())


def holdout_notes(home: Home, lock: Lock, trained: TrainedModel) -> tuple[str, ...]:
    """What to say of the sealed days after a training."""
    period = lock.period
    if period is None:
        return ()
    if lock.is_shut:
        known = f"trained and tested on what was known before {period.first}: {period.span} is sealed by {FILE}"
        return (known,) if _last_held(home, trained.model, period) is not None else ()
    found = {name: each.hold_out for name, each in trained.questions.items()}
    return tuple([f"{name}: {inside.sentence}" for name, inside in found.items() if inside is not None])


def last_open_session(period: HoldOut) -> pd.Timestamp:
    """The last session before the sealed ones."""
    first = day(period.first)
    return pd.Timestamp(between(first - pd.Timedelta(days=14), first - pd.Timedelta(days=1))[-1])


def _last_held(home: Home, model: Model, period: HoldOut) -> pd.Timestamp | None:
    """The last session of the model's ticker that the store holds, if it is sealed or later."""
    store, ticker = home.store(), model.definition.ticker
    view = store.as_of()
    if not view.has("bars", ticker):
        return None
    last = pd.Timestamp(view.bars(ticker).index[-1])
    return last if last >= day(period.first) else None
