"""Floor 5: from a probability to the positions of the Bull and the Bear, and what those would have earned."""

from bullbear.decide.backtest import Backtest, backtest
from bullbear.decide.instruments import CASH, INSTRUMENTS, Instrument
from bullbear.decide.performance import comparison
from bullbear.decide.policy import BandPolicy, Stance, State, load_policy

__all__ = [
    "CASH",
    "INSTRUMENTS",
    "Backtest",
    "BandPolicy",
    "Instrument",
    "Stance",
    "State",
    "backtest",
    "comparison",
    "load_policy",
]
