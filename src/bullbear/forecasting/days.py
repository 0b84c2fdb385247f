"""What a trained model alone says of some days: its factors from the store as known at each close, no ledger.

Of a champion's question `up` it is the forecast of `forecast --as-of`, bit by bit; that of another question is the
model's own, before the outlook makes the answers of all champions coherent. No refit is made.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bullbear.data.store import Store
from bullbear.errors import Found, HistoryError, InputError, NoDataError
from bullbear.forecasting.bundle import Bundle
from bullbear.forecasting.champions import Asked, question_of
from bullbear.forecasting.close import close_of
from bullbear.forecasting.today import forecasts_on

COLUMNS = ("p", "p_low", "p_high", "climatology")


def forecasts_of_days(store: Store, bundle: Bundle, days: Sequence[object], *, now: pd.Timestamp) -> pd.DataFrame:
    """The forecasts of a model on `days`, each by the fit that was the newest then.

    Returns
    -------
    DataFrame
        Columns p, p_low, p_high, climatology; a row for each of `days`. A day without a session is answered from the
        close before.

    Raises
    ------
    InputError
        One of `days` is no day, has not closed by `now`, or lies before the model's first forecast; or the store is of
        the other market.
    NoDataError
        The store cannot answer for a day.
    """
    if bool(bundle.meta["simulated"]) != store.is_simulated:
        trained = Found(f"trained on {'the simulated market' if bundle.meta['simulated'] else 'real data'}")
        raise InputError("model", trained, "a model of this store's own data", "serve one that was trained there")
    target = bundle.definition.target
    rows = []
    for day in days:
        if not isinstance(day, str):
            raise InputError("date", day, "a day such as 2019-12-31", "give it as text")
        at = close_of(store, target, day)
        if at.decided_at > now:
            raise InputError("date", day, "a session that has closed", "ask after its close")
        if at.session < bundle.first_session:
            allowed = f"days from {bundle.first_session.date()}, the model's first out-of-sample forecast"
            raise HistoryError("date", day, allowed, "choose a later day: an earlier one would look ahead")
        bundle.model_for(at.session)  # no fall-back to the base rate, as the outlook would
        asked = Asked(question_of(bundle), bundle)
        made = forecasts_on(at.view, at.labels_of, target.ticker, pd.DatetimeIndex([at.session]), [asked])
        if not made.apart:
            raise NoDataError("date", day, "days on which a label of the question had resolved", "choose a later day")
        rows.append([getattr(made.apart[0].forecast, name) for name in COLUMNS])
    return pd.DataFrame(rows, columns=list(COLUMNS))
