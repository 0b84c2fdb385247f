"""Leaks that show as skill where there is nothing to learn, as none where there is all, or as data before its time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from tests.audit.mutants import Bench, mutant

from bullbear.audit.subject import Subject
from bullbear.dataset import Examples, Fold
from bullbear.dataset.splits import Expanding
from bullbear.learn import fitting


def eager(bench: Bench) -> Subject:
    """The model with trees that learn all that there is: a leak into a model that believes nothing shows nothing."""
    learner = {"kind": "lightgbm", "bags": 1, "num_iterations": 40, "learning_rate": 0.3, "min_data_in_leaf": 5}
    definition = bench.subject.definition.model_copy(update={"learner": learner})
    return replace(bench.subject, definition=definition)


@mutant("noise", says=r"(random labels|shuffled factors) of up are forecast with a skill of 0\.\d+")
def target_encoding_over_all_rows(bench: Bench) -> Subject:
    """A factor is replaced by the share of yes among all rows with a similar value, those of the test among them."""
    plain = fitting.prepared

    def encoded(definition: Any, feature_sets: Any, examples: list[Examples], source: Any = None) -> fitting.Task:
        task = plain(definition, feature_sets, examples, source)
        y = examples[0].y
        known = ~np.isnan(y)
        members = []
        for member in task.members:
            X = member.X.copy()
            bins = np.argsort(np.argsort(X[:, 0])) // 10
            yes, count = (np.bincount(bins[known], weights, bins.max() + 1) for weights in (y[known], None))
            X[:, 0] = (yes / np.maximum(count, 1))[bins]
            members.append(replace(member, X=X))
        return replace(task, members=tuple(members))

    bench.patch.setattr("bullbear.learn.walk_forward.prepared", encoded)
    return eager(bench)


@mutant("noise", says=r"(random labels|shuffled factors) of up are forecast with a skill of 0\.\d+")
def fitted_on_the_test_rows(bench: Bench) -> Subject:
    """Each fold is trained on its own test rows as well."""
    plain = Expanding._folds

    def folds(self: Expanding, *given: Any) -> list[Fold]:
        return [replace(each, train=np.concatenate([each.train, each.test])) for each in plain(self, *given)]

    bench.patch.setattr(Expanding, "_folds", folds)
    return eager(bench)


@mutant("noise", says="a planted factor that knows the outcome is not found")
def factors_of_the_row_before(bench: Bench) -> Subject:
    """The matrix of factors lies one row off its labels."""
    plain = fitting.factor_matrix
    bench.patch.setattr(fitting, "factor_matrix", lambda X, names: np.roll(plain(X, names), 1, axis=0))
    return bench.subject
