"""The account compiled with numba, for sweeps of thousands of backtests; nothing that decides an evening needs it.

`decide.account.walk` stays the reference, and does what the compiled account refuses: options, margins, expiries.
Importing this package imports numba, which the extra `train` installs.
"""

from bullbear.decide.compiled.tables import Tables, tables
from bullbear.decide.compiled.walk import Walked, walk

__all__ = ["Tables", "Walked", "tables", "walk"]
