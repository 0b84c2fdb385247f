"""The model as MLflow serves it: a frame of factors and base rates in, probabilities out.

MLflow runs this file on loading ("models from code"), so the served model is the code of the daily forecast, not a
pickle of it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel

# Where this file is a logged model, the code that trained it lies beside it; an installed bullbear may be another one.
_package = Path(__file__).with_name("code") / "bullbear.zip"
if _package.exists():
    sys.path.insert(0, str(_package))

from bullbear import user_code  # noqa: E402
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
        """P(up) with its 90% interval for each row.

        `model_input` has a column per factor, `climatology` and `n_resolved` (labels behind the climatology).
        """
        climatology = model_input["climatology"].to_numpy(dtype=np.float64)
        n_independent = independent_number(model_input["n_resolved"], self._model.horizon)
        return self._model.forecast(model_input, climatology, n_independent)[["p", "p_low", "p_high"]]


mlflow.models.set_model(ServedModel())
