"""All models of all questions by skill, with intervals, verdicts, and their skill up to each month."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bullbear.evaluate.scored_model import ScoredModel
from bullbear.report.charts import PER_CENT, Chart
from bullbear.report.palette import SERIES, role
from bullbear.report.section import Block, Bullets, Details, Section, Text
from bullbear.report.tables import Table
from bullbear.report.words import UNKNOWN, per_cent, sentence

_ROW, _LEAST = 30, 90


@dataclass(frozen=True)
class ComparedQuestion:
    """The models of one question, the best first.

    By the run's id: `cumulative` is the skill up to every month, `beliefs` how far the model's signal was believed, a
    phrase.
    """

    question: str
    sentence: str
    champion: str | None
    models: tuple[ScoredModel, ...]
    cumulative: Mapping[str, pd.Series]
    beliefs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ComparedModels:
    """All models of all questions; `judged` is False where verdicts rest on what came after the forecast.

    `unread` says why the runs could not be read; there are champions alone then. `tried` counts by question every model
    that was ever tried, runs that are gone included; it is empty where that is not known.
    """

    questions: tuple[ComparedQuestion, ...]
    judged: bool
    unread: str | None = None
    tried: Mapping[str, int] = field(default_factory=dict)


def models_section(found: ComparedModels) -> Section:
    """The section: an overview by question, then each question's models."""
    unread = [Text(f"The tracked runs could not be read, so champions alone are shown: {found.unread}.", "note")]
    if found.unread and not found.questions:
        return Section("models", "All models compared", [*unread], "Models")
    if not found.questions:
        text = Text("No run of this home is tracked, so there is nothing to compare.")
        return Section("models", "All models compared", [text], "Models")
    count = sum(len(each.models) for each in found.questions)
    blocks: list[Block] = [
        Text(
            f"{count} models answer {len(found.questions)} questions. Skill is measured against the base rate on days "
            "that a model had not seen; it shows a difference only if its 90 % interval excludes zero. The best of "
            "many looks better than it is."
        )
    ]
    if found.tried:
        counts = ", ".join(f"{question} {count:,}" for question, count in found.tried.items())
        blocks.append(
            Text(f"Models ever tried, those included whose runs are gone, but not the base rate: {counts}.", "note")
        )
    if found.unread:
        blocks = [*unread]
    if not found.judged:
        blocks.append(
            Text("The verdicts rest on outcomes after this close and are left out; the scores end with it.", "note")
        )
    blocks += [_overview(found.questions), _forest(found.questions)]
    for each in found.questions:
        inside: list[Block] = [_table(each, judged=found.judged)]
        if each.beliefs:
            inside += [Text("How far the calibration believes each signal:"), Bullets(_beliefs(each))]
        if sum(not values.dropna().empty for values in each.cumulative.values()) > 1:
            inside.append(_grown(each))
        blocks.append(Details(f"{each.question}: {each.sentence}", inside))
    return Section("models", "All models compared", blocks, "Models")


def _label(question: ComparedQuestion, model: ScoredModel) -> str:
    return f"{model.name} {model.run_id[:8]}{' (champion)' if model.run_id == question.champion else ''}"


def _beliefs(question: ComparedQuestion) -> list[str]:
    return [
        sentence(f"{_label(question, model)}: {question.beliefs[model.run_id]}")
        for model in question.models
        if model.run_id in question.beliefs
    ]


def _skill(model: ScoredModel) -> str:
    return per_cent(model.bss, 2, signed=True)


def _interval(model: ScoredModel) -> str:
    if model.low is None or model.high is None:
        return UNKNOWN
    if model.low == model.high == 0.0:
        return "is the base rate"
    return f"{per_cent(model.low, 2, signed=True)} to {per_cent(model.high, 2, signed=True)}"


def _overview(questions: Sequence[ComparedQuestion]) -> Table:
    rows = []
    for each in questions:
        best = each.models[0]
        champion = next((model for model in each.models if model.run_id == each.champion), None)
        rows.append(
            (
                each.question,
                each.sentence,
                f"{len(each.models)}",
                f"{best.name} {_skill(best)}",
                "none: the base rate" if champion is None else champion.name,
                UNKNOWN if champion is None else _skill(champion),
                UNKNOWN if champion is None else _interval(champion),
            )
        )
    head = ("question", "statement", "models", "best", "champion", "its skill", "interval")
    return Table("Brier skill by question", head, tuple(rows), stack=True, left=(0, 1, 3, 4))


def _forest(questions: Sequence[ComparedQuestion]) -> Chart:
    """Every champion, or the best model, with its interval: the longest list that a screen takes in."""
    shown = [
        (each, next((model for model in each.models if model.run_id == each.champion), each.models[0]))
        for each in reversed(questions)
    ]
    known = [(each, model) for each, model in shown if math.isfinite(model.bss)]
    ends = [(model.bss if end is None else end) for _, model in known for end in (model.low, model.high)]
    trace = {
        "type": "scatter", "mode": "markers", "name": "skill",
        "x": [100.0 * model.bss for _, model in known],
        "y": [each.question for each, _ in known],
        "marker": {"size": 10, "color": [_tone(model) for _, model in known]},
        "error_x": {
            "type": "data", "symmetric": False, "color": role("soft"), "thickness": 1.6, "width": 4,
            "array": [100.0 * (high - model.bss) for (_, model), high in zip(known, ends[1::2], strict=True)],
            "arrayminus": [100.0 * (model.bss - low) for (_, model), low in zip(known, ends[::2], strict=True)],
        },
        "customdata": [f"{_label(each, model)}<br>{_interval(model)}" for each, model in known],
        "hovertemplate": "%{y}: %{x:+.2f} %<br>%{customdata}<extra></extra>",
    }  # fmt: skip
    layout = {
        "hovermode": "closest",
        "xaxis": {"zeroline": True, "zerolinecolor": role("ink"), "nticks": 7, **PER_CENT},
        "yaxis": {"type": "category", "fixedrange": True},
    }
    said = "; ".join(f"{each.question} {_skill(model)}" for each, model in reversed(known))
    return Chart(
        "skill-by-question",
        "Skill of the champion of each question, or of the best model without one",
        {"data": [trace], "layout": layout},
        "Brier skill against the base rate, with its 90 % interval. Right of zero is better than the base rate; blue "
        "marks intervals above zero, orange below, grey those that contain it.",
        f"Points with intervals: {said}.",
        height=_LEAST + _ROW * len(known),
    )


def _tone(model: ScoredModel) -> str:
    if model.low is not None and model.low > 0:
        return role("forecast")
    return role("bear") if model.high is not None and model.high < 0 else role("grey")


def _table(question: ComparedQuestion, *, judged: bool) -> Table:
    rows = [
        (
            _label(question, model),
            _skill(model),
            _interval(model),
            per_cent(model.log_loss_skill, 2, signed=True),
            UNKNOWN if model.trials is None else f"{model.trials:,}",
            *((model.verdict,) if judged else ()),
        )
        for model in question.models
    ]
    head = (
        "model and run",
        "Brier skill",
        "90 % interval",
        "log-loss skill",
        "trials",
        *(("verdict",) if judged else ()),
    )
    tones = tuple((None, _shade(model), *(None,) * (len(head) - 2)) for model in question.models)
    return Table("The best first; trials of a search, where one chose the parameters", head, tuple(rows), tones,
                 stack=judged, left=(0, 5))  # fmt: skip


def _shade(model: ScoredModel) -> float | None:
    if model.low is not None and model.low > 0:
        return 0.5
    return -0.5 if model.high is not None and model.high < 0 else None


def _grown(question: ComparedQuestion) -> Chart:
    traces = []
    names = {model.run_id: _label(question, model) for model in question.models}
    # A record of less than a year has no month yet.
    drawn = [each for each in names if each in question.cumulative and not question.cumulative[each].dropna().empty]
    for place, run_id in enumerate(drawn):
        values = question.cumulative[run_id]
        traces.append(
            {
                "type": "scatter", "mode": "lines", "name": names[run_id],
                "x": pd.DatetimeIndex(values.index).tz_localize(None), "y": 100.0 * values.to_numpy(dtype=np.float64),
                "line": {
                    "color": role(SERIES[place % len(SERIES)]), "width": 2.4 if run_id == question.champion else 1.3
                },
                "hovertemplate": "%{y:+.2f} %",
            }
        )  # fmt: skip
    settled = np.concatenate([question.cumulative[run_id].to_numpy()[-120:] for run_id in drawn])
    ends = 100.0 * np.array([np.nanmin(settled), np.nanmax(settled), 0.0])
    air = 0.1 * float(ends.max() - ends.min() or 1.0)
    layout = {
        "xaxis": {"type": "date", "hoverformat": "%b %Y"},
        "yaxis": {
            "range": [float(ends.min()) - air, float(ends.max()) + air],
            "zeroline": True, "zerolinecolor": role("ink"), "nticks": 6, **PER_CENT,
        },
    }  # fmt: skip
    return Chart(
        f"grown-{question.question}",
        f"{question.question}: Brier skill of every model up to each month",
        {"data": traces, "layout": layout},
        "Where lines cross, another model took the lead; the first years swing beyond the scale.",
        f"Lines by month: the skill of {len(drawn)} models.",
        height=340,
    )
