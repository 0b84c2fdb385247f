"""The fits of a run made again, against the models that it keeps and the forecasts that it reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.audit.result import Leak
from bullbear.audit.subject import Subject
from bullbear.audit.taint.stages import Stage, moved, stages_of_model
from bullbear.dataset import Examples, Fold, Predictions
from bullbear.forecasting.bundle import Bundle
from bullbear.learn.coherent import coherent
from bullbear.learn.fitting import Fit, Task, fit_step, prepared, with_tables
from bullbear.learn.pooling import SignalRecord, kinds_of, member_signals
from bullbear.learn.walk_forward import base_rate_at, folds_of, predictions_of
from bullbear.sessions import day

_FORECAST = ["p", "p_low", "p_high"]


@dataclass(frozen=True)
class MadeAgain:
    """The leaks of the fits made again and how many there were; or why none was."""

    leaks: tuple[Leak, ...] = ()
    fits: int = 0
    not_compared: str = ""


def made_again(subject: Subject, count: int) -> MadeAgain:
    """Fit some of a run's folds again, the last among them, from the data and parameters of the training."""
    if not subject.bundles:
        return MadeAgain(not_compared="the model was never trained")
    bundles = [subject.bundles[each.name] for each in subject.definition.questions]
    if not all(each.is_walk_forward for each in bundles):
        return MadeAgain(not_compared="a combinatorial training keeps no models")
    if not subject.same_code:
        why = "other versions of Python, libraries or bullbear made it" if subject.same_code is False else ""
        return MadeAgain(not_compared=why or "it is not known by which versions it was made")
    examples = _of_training(subject, bundles)
    if examples is None:
        return MadeAgain(not_compared="the data have changed since the training")
    kept = _Kept(subject, bundles, examples)
    fits = kept.fits()
    chosen = [fits[place] for place in np.unique(np.linspace(0, len(fits) - 1, count + 1).round().astype(int)[1:])]
    leaks = [leak for name in chosen for leak in kept.leaks(name)]
    return MadeAgain(tuple(leaks), len(chosen))


def _of_training(subject: Subject, bundles: Sequence[Bundle]) -> list[Examples] | None:
    """The examples with the training's fingerprints: all that is stored, or what was known at its last forecast."""
    wanted = [each.meta["data_fingerprint"] for each in bundles]
    if [each.fingerprint for each in subject.examples] == wanted:
        return list(subject.examples)
    last = max(each.predictions.table["decided_at"].max() for each in bundles)
    if last >= subject.examples[0].decided_at[-1]:
        return None
    then = subject.examples_from(subject.store, pd.Timestamp(last))
    return then if [each.fingerprint for each in then] == wanted else None


class _Kept:
    """The models that a run keeps, with what it takes to fit them again."""

    def __init__(self, subject: Subject, bundles: Sequence[Bundle], examples: Sequence[Examples]) -> None:
        self._subject, self._bundles, self._examples = subject, bundles, examples
        definition = subject.definition
        self._task: Task = prepared(definition, subject.feature_sets, examples)
        self._single = [definition.only(each.name) for each in definition.questions]
        self._folds: list[dict[str, int]] = []
        self._every: list[list[Fold]] = []
        for one, each in zip(self._single, examples, strict=True):
            folds = folds_of(one, each, start=subject.start, end=subject.end)
            self._every.append(folds)
            self._folds.append({f"{day(fold.trained_through):%Y-%m-%d}": n for n, fold in enumerate(folds)})

    def fits(self) -> list[str]:
        """The days of the fits that are kept for every question and still among the folds."""
        days = [
            set(bundle.trained_through()) & set(own) for bundle, own in zip(self._bundles, self._folds, strict=True)
        ]
        return sorted(set.intersection(*days))

    def leaks(self, name: str) -> list[Leak]:
        """What is not as it was kept."""
        found: list[Leak] = []
        forecasts: list[Predictions] = []
        for number, fits in enumerate(self._fitted(name)):
            bundle, examples, place = self._bundles[number], self._examples[number], self._folds[number][name]
            single, folds = self._single[number], self._every[number]
            record = SignalRecord(single, examples, *kinds_of(single))
            record.read(bundle.signals)
            model = record.model(self._task, number, folds[place], fits, folds[:place])
            kept, now = (stages_of_model(each, bundle.question) for each in (bundle.model_named(name), model))
            for stage, part, size in moved(kept, now)[:1]:
                found.append(_leak(stage, part, size))
            rows = folds[place].test
            issued = model.issue(member_signals(fits), *base_rate_at(examples, rows))
            forecasts.append(predictions_of(single, examples, rows, pd.DataFrame(issued.columns)))
        if set(self._bundles[0].questions) == {each.question for each in self._bundles} and not found:
            found += self._forecasts(forecasts)
        return found

    def _fitted(self, name: str) -> list[tuple[Fit, ...]]:
        steps = [folds[own[name]] for folds, own in zip(self._every, self._folds, strict=True)]
        tables = [_tables(bundle, name) for bundle in self._bundles]
        if all(each == tables[0] for each in tables):
            return [each for each in fit_step(with_tables(self._task, tables[0]), tuple(steps)) if each is not None]
        found = []
        for number, (fold, own) in enumerate(zip(steps, tables, strict=True)):
            step = tuple(fold if each == number else None for each in range(len(steps)))
            fits = fit_step(with_tables(self._task, own), step)[number]
            assert fits is not None
            found.append(fits)
        return found

    def _forecasts(self, made: Sequence[Predictions]) -> list[Leak]:
        found = []
        for bundle, again in zip(self._bundles, coherent(self._subject.definition.questions, made), strict=True):
            keys = ["decided_at", "asset"]
            both = bundle.predictions.table.merge(again.table, on=keys, suffixes=("", "_again"))
            for column in _FORECAST:
                one, other = both[column].to_numpy(), both[f"{column}_again"].to_numpy()
                wrong = np.flatnonzero((one != other) & ~(np.isnan(one) & np.isnan(other)))
                if len(wrong):
                    at = both["decided_at"].iloc[wrong[0]]
                    said = (
                        f"the forecast of {at:%Y-%m-%d} for {bundle.question} was {float(one[wrong[0]])!r}, and is "
                        f"{float(other[wrong[0]])!r} when it is made again"
                    )
                    size = float(abs(one[wrong[0]] - other[wrong[0]]))
                    found.append(Leak("the forecasts", f"{at:%Y-%m-%d}", size, said))
                    break
        return found


def _tables(bundle: Bundle, name: str) -> dict[str, Mapping[str, object]]:
    return {member.name: member.learner for member in bundle.model_named(name).members}


def _leak(stage: Stage, part: str, size: float) -> Leak:
    of = f" ({part})" if part else ""
    sentence = f"{stage.place}{of} for {stage.question} differs when it is fitted again with the run's data and code"
    return Leak(stage.name, f"{stage.at:%Y-%m-%d}", size, sentence)
