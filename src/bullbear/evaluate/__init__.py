"""What forecasts were worth, with intervals that know how few independent months there are."""

from bullbear.evaluate.comparison import Comparison, compare
from bullbear.evaluate.oracle import OracleShare, share_of_oracle
from bullbear.evaluate.summary import Evaluation, evaluate

__all__ = ["Comparison", "Evaluation", "OracleShare", "compare", "evaluate", "share_of_oracle"]
