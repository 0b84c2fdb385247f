"""`bullbear audit`: the trainings that a name means, or a model that was never trained, through every check.

What is audited is a training with all its questions: they share factors, labels, splits and policy, and one audit
serves them all. The policy of the champion of `up` belongs to the training of `up`, with the champions of other
trainings that it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bullbear.audit.auditing import Audit, Begun, audit_all
from bullbear.audit.checks import publication
from bullbear.audit.subject import Subject
from bullbear.definitions import UP
from bullbear.errors import BullbearError
from bullbear.forecasting.bundle import Bundle
from bullbear.forecasting.chained_file import warn
from bullbear.forecasting.champions import others_of
from bullbear.forecasting.holdout import Lock, lock_of, lock_of_bundle
from bullbear.forecasting.policy_forecasts import read_by
from bullbear.home import Home
from bullbear.model import Model
from bullbear.trials import TrialRegistry
from bullbear.workflows.reuse import CODE, code_digest, provenance, specs_of
from bullbear.workflows.sealed_training import end_before_seal
from bullbear.workflows.trial_records import record_audited

if TYPE_CHECKING:
    from bullbear.tracking import Run, Runs
    from bullbear.tracking.runs import Training


@dataclass(frozen=True)
class Audited:
    """A subject, and the ids of all runs of its training, its own first; none if it was never trained or is gone.

    `untrained` is the model of one that was never trained, `stamp` the digests of code and data before any was read:
    data that arrive during an audit are not covered by it.
    """

    subject: Subject
    stamp: Mapping[str, str]
    run_ids: tuple[str, ...] = ()
    untrained: Model | None = None


def subject_of(home: Home, runs: Runs, name: str, question: str | None = None) -> Subject:
    """The first of `subjects_of`."""
    return subjects_of(home, runs, name, question)[0].subject


def subjects_of(home: Home, runs: Runs, name: str, question: str | None = None) -> list[Audited]:
    """What `name` means: the training of a run, the trainings of all champions, else a model's file.

    Parameters
    ----------
    question
        Of `champion`, the training of that question's champion alone; of another name a training that answers it.

    Raises
    ------
    RunError, DefinitionError
        There is neither such a run nor such a model, or it cannot be used.
    InputError
        A model that was never trained does not answer `question`.
    """
    file = name.removeprefix("models/").removesuffix(".toml")
    if file in home.names("models") and not _is_tracked(home, file):
        followed = home.following(file)
        model = followed.model(file)
        stamp = provenance(followed, specs_of(model))
        if question is not None:
            model.definition.only(question)  # refuses one that it does not answer
        return [Audited(subject_of_model(followed, file), stamp, untrained=model)]
    found = runs.find_each(file) if question is None else [runs.find(file, question)]
    return subjects_of_runs(home, runs, found)


def _is_tracked(home: Home, model: str) -> bool:
    from bullbear.tracking.stored_runs import stored_runs

    return any(each.tags.get("model") == model for each in stored_runs(home.runs))


def subject_of_model(home: Home, name: str) -> Subject:
    """A model as its file defines it; of sealed days that it has not opened nothing is read."""
    model = home.model(name)
    end = end_before_seal(home, name)
    store = lock_of(home, name, model.definition_hash).store(home.filled_store())
    return Subject(home, store, model.definition, model.feature_sets, model.rule, end=end)


def subjects_of_runs(home: Home, runs: Runs, found: Sequence[Run]) -> list[Audited]:
    """The trainings that the runs belong to, each once; the runs stand in them as they are given.

    Raises
    ------
    RunError
        One of them cannot be used, or only by another version.
    """
    trainings: dict[object, tuple[Training, dict[str, Run]]] = {}
    for run in found:
        training = runs.training_of(run)
        key: object = training.ids or repr((run.model, run.bundle.questions, run.bundle.feature_sets))
        _, members = trainings.setdefault(key, (training, {}))
        members.update({each.question: each for each in training.runs if each.question not in members})
        members[run.question] = run
    given = {run.run_id for run in found}
    subjects = [(_subject(home, members, of, given), of.ids) for of, members in trainings.values()]
    return [Audited(subject, provenance(home, subject.specs), ids) for subject, ids in subjects]


def _subject(home: Home, members: Mapping[str, Run], training: Training, given: set[str]) -> Subject:
    bundles: dict[str, Bundle] = {}
    for question, run in members.items():
        try:
            run.bundle.factors()
        except BullbearError:
            if run.run_id in given:
                raise
            continue  # of another question, and damaged: it is no one's champion
        bundles[question] = run.bundle
    first = next(iter(bundles.values()))
    # Sealed days reach no check, whatever the training read; of a run from before the seal, forecasts inside do not.
    lock = lock_of_bundle(home, first)
    beside = {} if UP.name not in bundles else _beside(home, members)
    if lock.through is not None:
        bundles, beside = (
            {question: replace(bundle, through=lock.through) for question, bundle in each.items()}
            for each in (bundles, beside)
        )
        first = bundles[next(iter(bundles))]
    ordered = {question: bundles[question] for question in first.questions if question in bundles}
    asked = tuple(each.definition.target.question for each in ordered.values())
    up = ordered.get(UP.name)
    return Subject(
        home,
        lock.store(home.filled_store()),
        first.definition.model_copy(update={"questions": asked}),
        first.feature_sets,
        (up or first).rule,
        bundles=ordered,
        run_ids={question: members[question].run_id for question in ordered},
        beside=beside,
        start=training.params.get("option.start", first.meta.get("start")),
        end=_end(training.params.get("option.end"), lock),
        same_code=training.tags[CODE] == code_digest() if CODE in training.tags else None,
    )


def _end(given: str | None, lock: Lock) -> str | None:
    """The last reported day that a training was given, if it lies before the sealed ones."""
    if given is None or lock.period is None or lock.is_open:
        return given
    return given if given < lock.period.first else None


def _beside(home: Home, members: Mapping[str, Run]) -> dict[str, Bundle]:
    """The champions of other trainings that the policy of the champion of `up` reads."""
    up = members[UP.name]
    if up.bundle_at is None:
        return {}  # no champion: its policy reads what was trained together with it
    read, _ = read_by(up.bundle.policy, up.bundle, others_of(home, up.bundle).asked)
    own = {run.run_id for run in members.values()}
    found = {each.question.name: each.bundle for each in read[1:] if each.bundle is not None}
    return {question: bundle for question, bundle in found.items() if bundle.meta["run_id"] not in own}


def audit_model(
    home: Home,
    runs: Runs,
    name: str,
    *,
    question: str | None = None,
    quick: bool = False,
    only: Sequence[str] = (),
    jobs: int = 1,
    progress: Begun | None = None,
    say: Callable[[str], None] = warn,
) -> list[tuple[Audited, Audit]]:
    """Audit what `name` means; see `subjects_of` and `audit.auditing.audit_all`.

    A model that was never trained counts as tried once its skill was measured.

    Parameters
    ----------
    say
        Called with a note where that cannot be recorded.

    Raises
    ------
    TrialsError
        It cannot be counted, since the registry of trials is damaged.
    """
    found = subjects_of(home, runs, name, question)
    for each in found:
        if each.untrained is not None and publication.NAME in (only or (publication.NAME,)):
            TrialRegistry(each.subject.home.trials).trials()  # a damaged registry is found before the work
    made = list(
        zip(
            found,
            audit_all([each.subject for each in found], quick=quick, only=only, jobs=jobs, progress=progress),
            strict=True,
        )
    )
    for audited, audit in made:
        skills = _measured(audit)
        if audited.untrained is not None and skills:
            subject = audited.subject
            record_audited(
                subject.home,
                audited.untrained,
                skills,
                end=subject.end,
                simulated=subject.store.is_simulated,
                say=say,
            )
    return made


def _measured(audit: Audit) -> Mapping[str, Mapping[str, Any]]:
    """The skill of each question as the audit shows it; empty where none was measured."""
    shown = next((check for check in audit.checks if check.name == publication.NAME), None)
    return (shown.figures.get("skill") or {}) if shown is not None else {}
