"""From a probability to the positions of the Bull and the Bear, and what those would have earned."""

from bullbear.decide.advice import Advice, Forecast, advise, advise_each
from bullbear.decide.backtest import Backtest, backtest
from bullbear.decide.book import Book
from bullbear.decide.instruments import CASH, INSTRUMENTS, Instrument
from bullbear.decide.performance import comparison
from bullbear.decide.policy import BandPolicy, Stance, State, load_policy

__all__ = [
    "CASH",
    "INSTRUMENTS",
    "Advice",
    "Backtest",
    "BandPolicy",
    "Book",
    "Forecast",
    "Instrument",
    "Stance",
    "State",
    "advise",
    "advise_each",
    "backtest",
    "comparison",
    "load_policy",
]
