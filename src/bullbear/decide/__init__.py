"""From probabilities to the positions of the Bull and the Bear, and what those would have earned."""

from bullbear.decide.advice import Advice, advise, advise_each, advise_last, forecasts_by_close
from bullbear.decide.backtest import Backtest, backtest
from bullbear.decide.baselines import baselines_of
from bullbear.decide.book import Book
from bullbear.decide.performance import comparison
from bullbear.decide.policy import Forecast, Policy, load_policy
from bullbear.decide.rule import Rule

__all__ = [
    "Advice",
    "Backtest",
    "Book",
    "Forecast",
    "Policy",
    "Rule",
    "advise",
    "advise_each",
    "advise_last",
    "backtest",
    "baselines_of",
    "comparison",
    "forecasts_by_close",
    "load_policy",
]
