"""`bullbear audit`: the model that a name means, trained or not, through every check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bullbear.audit.auditing import Audit, audit
from bullbear.audit.subject import Subject
from bullbear.errors import RunError
from bullbear.home import Home

if TYPE_CHECKING:
    from bullbear.tracking import Run, Runs


def subject_of(home: Home, runs: Runs, name: str, question: str | None = None) -> Subject:
    """What `name` means: a run with those that were trained together with it, else a model's file.

    Raises
    ------
    RunError, DefinitionError
        There is neither such a run nor such a model, or it cannot be used.
    """
    try:
        run = runs.find(name, question)
    except RunError:
        if name.removeprefix("models/").removesuffix(".toml") not in home.names("models"):
            raise
        return subject_of_model(home, name)
    return subject_of_run(home, runs, run)


def subject_of_model(home: Home, name: str) -> Subject:
    """A model as its file defines it."""
    model = home.model(name)
    return Subject(home, home.filled_store(), model.definition, model.feature_sets, model.rule)


def subject_of_run(home: Home, runs: Runs, run: Run) -> Subject:
    """A run, with those of the other questions that were trained together with it as far as they are left.

    Raises
    ------
    RunError
        It cannot be used, or only by another version.
    """
    bundle = run.bundle
    bundle.factors()
    bundles = {run.question: bundle}
    for question in bundle.questions:
        if question != run.question:
            try:
                (other,) = runs.beside(run, [question])
                bundles[question] = other.bundle
            except RunError:
                continue  # deleted since
    ordered = {question: bundles[question] for question in bundle.questions if question in bundles}
    asked = tuple(each.definition.target.question for each in ordered.values())
    rule = ordered["up"].rule if "up" in ordered else bundle.rule
    return Subject(
        home,
        home.filled_store(),
        bundle.definition.model_copy(update={"questions": asked}),
        bundle.feature_sets,
        rule,
        ordered,
        run.params.get("option.start"),
        run.params.get("option.end"),
    )


def audit_model(
    home: Home,
    runs: Runs,
    name: str,
    *,
    question: str | None = None,
    quick: bool = False,
    only: Sequence[str] = (),
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Audit:
    """Audit what `name` means; see `audit.auditing.audit`."""
    return audit(subject_of(home, runs, name, question), quick=quick, only=only, jobs=jobs, progress=progress)
