"""The model as MLflow serves it: dates in, or factors and base rates, probabilities out.

Dates need the home that the model was trained in, named by `BULLBEAR_HOME`; factors need nothing but the model.

MLflow runs this file on loading ("models from code"), so the served model is the code of the daily forecast, not a
pickle of it.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc.model import PythonModel

# Where this file is a logged model, the code that trained it lies beside it; an installed bullbear may be another one.
_package = Path(__file__).with_name("code") / "bullbear.zip"
if _package.exists():
    sys.path.insert(0, str(_package))

from bullbear import user_code  # noqa: E402
from bullbear.errors import BullbearError, Found, InputError  # noqa: E402
from bullbear.forecasting.bundle import Bundle  # noqa: E402
from bullbear.home import Home  # noqa: E402
from bullbear.learn import FoldModel  # noqa: E402
from bullbear.statistics import independent_number  # noqa: E402


class ServedModel(PythonModel):
    """The last fold's model behind MLflow's `predict`."""

    def load_context(self, context: Any) -> None:
        """Read the artifacts `model` and, if there are any, `user_code`: the files of a home that the model runs."""
        folder = context.artifacts.get("user_code")
        with user_code.using(sorted(Path(folder).glob("*/*.py")) if folder else ()):
            self._model = FoldModel.restore(json.loads(Path(context.artifacts["model"]).read_text()))
            self._model.require_restorable()

    def predict(  # the arguments are MLflow's
        self,
        context: Any,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """The probability with its 90% interval for each row.

        `model_input` has a column `date` (days such as 2019-12-31, answered as `bullbear forecast --as-of` does, with
        the base rate as `climatology`), or a column per factor, `climatology` and `n_resolved` (labels behind the
        climatology).
        """
        try:
            if "date" in model_input:
                return _of_days(self._model.question, list(model_input["date"]))
            return self._of_factors(model_input)
        except BullbearError as bad:  # the server passes on the text of this one alone
            raise MlflowException(str(bad), INVALID_PARAMETER_VALUE) from None

    def _of_factors(self, rows: pd.DataFrame) -> pd.DataFrame:
        wanted = [*self._model.factors, "climatology", "n_resolved"]
        if missing := [name for name in wanted if name not in rows]:
            more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
            lacking = Found(f"no column {', '.join(missing[:5])}{more}")
            raise InputError("columns", lacking, "`date` alone, or all inputs of the model", "add what is missing")
        climatology = rows["climatology"].to_numpy(dtype=np.float64)
        n_independent = independent_number(rows["n_resolved"], self._model.horizon)
        return self._model.forecast(rows, climatology, n_independent)[["p", "p_low", "p_high"]]


def _of_days(question: str, days: list[object]) -> pd.DataFrame:
    from bullbear.forecasting.days import forecasts_of_days
    from bullbear.home import locate

    if not os.environ.get("BULLBEAR_HOME"):
        remedy = "set it to the home that the model was trained in, and start the server again"
        raise InputError(
            "BULLBEAR_HOME", Found("not set"), "a home with a store, from which dates are answered", remedy
        )
    home = locate(None)
    store = home.filled_store()
    try:
        return forecasts_of_days(store, _bundle_of(home, question), days, now=pd.Timestamp.now("UTC"))
    except InputError as bad:
        if bad.where != "--as-of":  # what a command calls it
            raise
        raise InputError("date", bad.value, bad.allowed, bad.remedy) from None


def _bundle_of(home: Home, question: str) -> Bundle:
    """The bundle of the run that logged this model: the champion's, which has its refits, or the run's own."""
    from bullbear.forecasting.bundle import read_bundle
    from bullbear.tracking.runs import Runs

    described = Path(__file__).with_name("MLmodel").read_text(encoding="utf-8")
    (run_id,) = re.findall(r"^run_id: (\w+)$", described, re.MULTILINE)
    homes = [home, *home.paired]  # a model may be about another pair
    for each in homes:
        if (place := each.champion_of(question)).exists():
            champion = read_bundle(place)
            if champion.meta["run_id"] == run_id:
                return champion
    return Runs(home).find(run_id).bundle


mlflow.models.set_model(ServedModel())
