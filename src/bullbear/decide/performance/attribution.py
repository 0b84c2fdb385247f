"""What each part of a policy is worth: the same backtest with that part switched off, all else alike.

The parts are those that `Policy.without` offers, the forecast, and costs. They interact: their worths do not add up to
the whole.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from bullbear.decide.account import Account
from bullbear.decide.performance.side_by_side import POLICY, compared

WHOLE = "whole policy"


def attribution(account: Account, without: Mapping[str, Account], horizon: int) -> pd.DataFrame:
    """One row for the whole policy and one for each part that was switched off, indexed by `part`.

    Parameters
    ----------
    account
        Of the whole policy.
    without
        Accounts of the same sessions without a part, by its name.

    Returns
    -------
    `comparison`'s columns of each account; `sharpe_difference` is the whole less that without the part, so that a part
    that pays has a positive one.
    """
    table = compared(account, without, horizon)
    return table.rename(index={POLICY: WHOLE}).rename_axis("part")
