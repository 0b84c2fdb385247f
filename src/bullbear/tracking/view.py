"""Saved views of the MLflow UI: all trainings by verdict, and for each question its runs by skill, with their curves.

MLflow 3 keeps a saved view as a tag of the experiment: a name and the state of the page, both JSON. `viewStateShareKey`
in the URL opens it. The tags have fixed names, so writing them again adds nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from mlflow import MlflowClient

from bullbear.tracking.tags import AUDIT, QUESTION, VERDICT
from bullbear.tracking.tries import TRIALS

_TAG = "mlflow.sharedViewState."
_DESCRIPTION = "mlflow.note.content"
_EPOCH = 1_767_225_600_000
"""Views are listed by the time of their creation: one time for all, so that a view is written only once."""
_COLUMNS = (
    "metrics.`bss`",
    "metrics.`bss_low`",
    "metrics.`bss_high`",
    "metrics.`log_loss_skill`",
    f"tags.`{VERDICT}`",
    f"tags.`{AUDIT}`",
    f"tags.`{TRIALS}`",
    "tags.`data`",
    "attributes.`Created`",
    "attributes.`Duration`",
    "attributes.`Dataset`",
    "attributes.`Version`",
)
_OF_TRAININGS = (f"tags.`{VERDICT}`", f"tags.`{QUESTION}`", *(each for each in _COLUMNS if VERDICT not in each))
_LINES = {"cumulative/bss": "time", "cumulative/log_loss_skill": "time", "yearly/bss": "step"}
_SECTION = "bullbear"


def save_views(client: MlflowClient, experiment_id: str, questions: Iterable[str], *, simulated: bool) -> None:
    """Write the experiment's description and the view of each question where it does not have them yet."""
    tags = client.get_experiment(experiment_id).tags
    views = {_TAG + view_key(question): _saved(question) for question in (None, *questions)}
    for name, text in {_DESCRIPTION: _description(simulated=simulated), **views}.items():
        if tags.get(name) != text:
            client.set_experiment_tag(experiment_id, name, text)


def _description(*, simulated: bool) -> str:
    data = "the SIMULATED market, which says nothing of real prices" if simulated else "real data"
    return (
        f"Trainings on {data}. A run is the training of a model, with a nested run for each question where it answers "
        "several. `bss` is the Brier skill of its out-of-sample forecasts against the base rate, `bss_low` and "
        "`bss_high` the ends of its 90 % interval, `verdict` what `bullbear promote` said, `audit` what "
        "`bullbear audit` found. Saved views: all trainings by verdict, and the runs of each question by skill."
    )


def view_key(question: str | None = None) -> str:
    """The name of a view in a URL; that of all trainings without a question."""
    return "bullbear-trainings" if question is None else f"bullbear-{question}"


def view_url(server: str, experiment_id: str, question: str | None = None, *, charts: bool = False) -> str:
    """The address at which a server shows the runs of a question, or all trainings, as a table or as charts."""
    mode = "&compareRunsMode=CHART" if charts else ""
    place = f"{server.rstrip('/')}/#/experiments/{experiment_id}/runs"
    return f"{place}?viewStateShareKey={view_key(question)}{mode}"


def _saved(question: str | None) -> str:
    state = json.dumps(_state(question), sort_keys=True)
    name = "Trainings by verdict" if question is None else f"Skill: {question}"
    return json.dumps({"name": name, "createdAt": _EPOCH, "updatedAt": _EPOCH, "state": state})


def _state(question: str | None) -> dict[str, Any]:
    by_verdict = question is None  # champion, not judged, passed, refused; nested searches for parameters have none
    return {
        "searchFilter": f"tags.{VERDICT} != ''" if by_verdict else f"tags.{QUESTION} = '{question}'",
        "orderByKey": f"tags.`{VERDICT}`" if by_verdict else "metrics.`bss`",
        "orderByAsc": by_verdict,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": list(_OF_TRAININGS if by_verdict else _COLUMNS),
        "columnOrder": list(_OF_TRAININGS if by_verdict else _COLUMNS),
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
