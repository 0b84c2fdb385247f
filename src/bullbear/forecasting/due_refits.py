"""The refits that an evening asks for, of every champion, apart from the forecast: one that fails stops no other."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from bullbear.errors import BullbearError, MissingExtraError
from bullbear.forecasting.bundle import Bundle, read_bundle
from bullbear.forecasting.champions import others_of, question_of
from bullbear.forecasting.close import Close, close_of
from bullbear.forecasting.holdout import lock_of_bundle
from bullbear.forecasting.refitting import HeldBack, due_refits, refit_champion
from bullbear.home import Home

Progress = Callable[[int, int], None]


def make_due_refits(
    home: Home, now: pd.Timestamp, *, progress: Progress | None = None, say: Callable[[str], None]
) -> tuple[str, ...]:
    """Make the refits that are due at the last close by `now`; the questions whose champion was refitted.

    `say` is told of each refit that a missing library or a sealed hold-out prevents: the model that is there goes on,
    and the forecast states its age.

    Raises
    ------
    RunError
        `up` has no champion.
    NoDataError
        The store cannot answer for its last session.
    BullbearError
        A refit failed; the others were made first.
    """
    bundle, store = read_bundle(home.champion), home.filled_store()
    if bool(bundle.meta["simulated"]) != store.is_simulated:
        return ()  # the forecast refuses them together, and says why
    at = close_of(store, bundle.definition.target, None, stored=store.last_stored_at)
    if at.decided_at > now:
        return ()
    champions = [bundle, *(each.bundle for each in others_of(home, bundle).asked if each.bundle is not None)]
    made, failed, held = [], list[BullbearError](), HeldBack()
    for each in champions:
        try:
            if _refit(home, each, at, progress, held):
                made.append(each.question)
        except MissingExtraError as bad:
            say(f"{each.question} keeps the model fitted through {each.trained_through()[-1]}: {bad}")
        except BullbearError as bad:
            failed.append(bad)
    for note in held.notes():
        say(note)
    if failed:
        raise failed[0]
    return tuple(made)


def _refit(home: Home, bundle: Bundle, at: Close, progress: Progress | None, held: HeldBack) -> bool:
    lock, labels = lock_of_bundle(home, bundle), at.labels_of(question_of(bundle))
    due = due_refits(bundle, labels, lock)
    if due:
        bundle = refit_champion(home, bundle, lock.view(at.view), progress)
    held.add(bundle, labels, lock)
    return bool(due)
