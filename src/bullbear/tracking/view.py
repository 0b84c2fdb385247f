"""Saved views of the MLflow UI: for each question its runs by skill, with interval and verdict, and their curves.

MLflow 3 keeps a saved view as a tag of the experiment: a name and the state of the page, both JSON. `viewStateShareKey`
in the URL opens it. The tags have fixed names, so writing them again adds nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from mlflow import MlflowClient

from bullbear.tracking.tags import QUESTION, VERDICT
from bullbear.tracking.tries import TRIALS

_TAG = "mlflow.sharedViewState."
_EPOCH = 1_767_225_600_000
"""Views are listed by the time of their creation: one time for all, so that a view is written only once."""
_COLUMNS = (
    "metrics.`bss`",
    "metrics.`bss_low`",
    "metrics.`bss_high`",
    "metrics.`log_loss_skill`",
    f"tags.`{VERDICT}`",
    f"tags.`{TRIALS}`",
    "tags.`data`",
    "attributes.`Created`",
    "attributes.`Duration`",
    "attributes.`Dataset`",
    "attributes.`Version`",
)
_LINES = {"cumulative/bss": "time", "cumulative/log_loss_skill": "time", "yearly/bss": "step"}
_SECTION = "bullbear"


def save_views(client: MlflowClient, experiment_id: str, questions: Iterable[str]) -> None:
    """Write the view of each question where the experiment does not have it yet."""
    tags = client.get_experiment(experiment_id).tags
    for question in questions:
        name, text = _TAG + view_key(question), _saved(question)
        if tags.get(name) != text:
            client.set_experiment_tag(experiment_id, name, text)


def view_key(question: str) -> str:
    """The name of a view in a URL."""
    return f"bullbear-{question}"


def view_url(server: str, experiment_id: str, question: str, *, charts: bool = False) -> str:
    """The address at which a server shows the runs of a question, as a table or as charts."""
    mode = "&compareRunsMode=CHART" if charts else ""
    place = f"{server.rstrip('/')}/#/experiments/{experiment_id}/runs"
    return f"{place}?viewStateShareKey={view_key(question)}{mode}"


def _saved(question: str) -> str:
    state = json.dumps(_state(question), sort_keys=True)
    return json.dumps({"name": f"Skill: {question}", "createdAt": _EPOCH, "updatedAt": _EPOCH, "state": state})


def _state(question: str) -> dict[str, Any]:
    return {
        "searchFilter": f"tags.{QUESTION} = '{question}'",
        "orderByKey": "metrics.`bss`",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": list(_COLUMNS),
        "columnOrder": list(_COLUMNS),
        "columnWidths": {f"tags.`{VERDICT}`": 320},
        "runsHiddenMode": "FIRST_20_RUNS",
        "groupBy": None,
        "hideEmptyCharts": True,
        "isAccordionReordered": True,
        "globalLineChartConfig": {"xAxisKey": "time", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
        "compareRunCharts": [_line_chart(name, axis) for name, axis in _LINES.items()],
        "compareRunSections": [
            {
                "uuid": _SECTION,
                "name": "Skill by month and by year",
                "columns": 1,
                "cardHeight": 420,
                "display": True,
                "isReordered": True,
                "deleted": False,
                "isGenerated": False,
            }
        ],
    }


def _line_chart(metric: str, axis: str) -> dict[str, Any]:
    return {
        "uuid": f"line-{metric}",
        "type": "LINE",
        "runsCountToCompare": 20,
        "metricSectionId": _SECTION,
        "deleted": False,
        "isGenerated": False,
        "displayName": metric,
        "metricKey": metric,
        "selectedMetricKeys": [metric],
        "xAxisKey": axis,
        "selectedXAxisMetricKey": "",
        "xAxisScaleType": "linear",
        "scaleType": "linear",
        "range": {},
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "selectedYAxisMetricKey": metric,
        "lineSmoothness": 0,
        "ignoreOutliers": False,
        "useGlobalXaxisKey": False,
        "useGlobalLineSmoothing": True,
    }
