"""Scores of forecasts with intervals and tests that allow for overlapping labels."""

from bullbear.evaluate.comparison import Comparison, compare
from bullbear.evaluate.oracle import OracleShare, share_of_oracle
from bullbear.evaluate.summary import Evaluation, PathScores, evaluate, evaluate_each, path_scores

__all__ = [
    "Comparison",
    "Evaluation",
    "OracleShare",
    "PathScores",
    "compare",
    "evaluate",
    "evaluate_each",
    "path_scores",
    "share_of_oracle",
]
