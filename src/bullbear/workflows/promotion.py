"""`bullbear promote`: a run through the gate, and to the champion's place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bullbear.documents import json_ready
from bullbear.errors import BullbearError, GateError, TrialsError
from bullbear.forecasting import gate
from bullbear.forecasting.champion_history import FORCED
from bullbear.forecasting.failed_audits import failed_audits
from bullbear.forecasting.gate import Check, Verdict
from bullbear.forecasting.holdout import lock_of_bundle
from bullbear.home import Home
from bullbear.tracking.tags import FORCED_CHAMPION
from bullbear.workflows.audit_gate import AuditGate
from bullbear.workflows.comparing import PAGE, page_of_run
from bullbear.workflows.console import Console
from bullbear.workflows.holdout_skill import before_seal, holdout_check
from bullbear.workflows.kept_evaluations import evaluation_of
from bullbear.workflows.plausibility import plausible
from bullbear.workflows.run_details import beside_all_tried

if TYPE_CHECKING:
    from bullbear.tracking import Run, Runs


def promote_run(
    home: Home, runs: Runs, run: Run, *, force: str | None = None, audits: AuditGate | None = None
) -> Verdict:
    """Make a run the champion of its question if it passes the gate against the present one; see `gate.judge`.

    The skill of its out-of-sample forecasts is kept in the champion's bundle, beside which it forecasts.

    Parameters
    ----------
    force
        The reason for which it becomes champion even if a test fails. What no reason changes is still refused: a run
        that cannot forecast, or was trained on another kind of data.
    audits
        Those made for other questions of the same training; None makes one in this process where it is needed.

    Raises
    ------
    GateError
        Which test failed, and by how much; nothing has changed.
    TrialsError
        The registry of trials is damaged, and nothing is forced.
    RunError
        Another version of the library trained the run, and this one cannot forecast with it; or another run, with
        which this one was not compared, became champion meanwhile.
    """
    try:
        verdict, is_new = _promote(home, runs, run, force, audits or AuditGate(home, runs))
    except GateError as bad:
        _record(runs, run, f"refused: {str(bad).removeprefix('refused by ')}", bad.verdict)
        raise
    if not verdict.passed:
        _record(runs, run, f"{FORCED_CHAMPION}: {force} ({verdict.sentence})", verdict.as_dict())
        runs.tag(run, {FORCED: str(force)})
    elif is_new:
        _record(runs, run, f"champion: {verdict.sentence.removeprefix('passed: ')}", verdict.as_dict())
    return verdict


def _record(runs: Runs, run: Run, verdict: str, document: Mapping[str, Any] | None) -> None:
    """Show the verdict where runs are compared."""
    runs.judge(run, verdict, document)
    page = page_of_run(runs, run)
    if page is not None:
        runs.attach(run, PAGE, page)


def _promote(home: Home, runs: Runs, run: Run, force: str | None, audits: AuditGate) -> tuple[Verdict, bool]:
    """The verdict, and whether the run was not champion before."""
    name = f"{run.model} {run.run_id[:8]}"
    gate.refuse_what_is_not_issued(name, is_walk_forward=run.bundle.is_walk_forward)
    run.bundle.require_usable()
    store = home.store()
    if not store.is_empty and store.is_simulated != run.simulated:
        kinds = {True: "a SIMULATED market", False: "real data"}
        raise GateError(
            "the data test",
            f"the run was trained on {kinds[run.simulated]}, the store holds {kinds[store.is_simulated]}",
            "train on this store",
        )
    lock = lock_of_bundle(home, run.bundle)
    judged, kept_out = before_seal(run, lock)
    record = gate.Record.of(judged.bundle, run.run_id)
    compared = home.champion_of(run.question).resolve()
    champion, note = gate.present_champion(home, run.question, simulated=run.simulated)
    if champion is not None and lock.through is not None:
        champion = replace(champion, predictions=champion.predictions.known_at(lock.through))
    thresholds = home.promotion()
    try:
        verdict = gate.judge(
            record,
            champion,
            tried=runs.tried(run),
            models=lambda: beside_all_tried(runs, judged, least_models=thresholds.overfitting.least_models),
            thresholds=thresholds,
        ).noting(note)
        verdict = verdict.noting(kept_out)
    except BullbearError as bad:
        if force is None:
            raise
        verdict = _unjudged(runs, run, bad).noting(note).noting(kept_out)
    if not record.is_base_rate and (champion is None or champion.run_id != run.run_id):
        check = plausible(home, judged, thresholds.plausibility)
        if check is not None:
            verdict = replace(verdict, checks=(check, *verdict.checks))
        inside = holdout_check(home, run, lock)
        if inside is not None:
            verdict = replace(verdict, checks=(*verdict.checks, inside))
            verdict = verdict.noting(inside.reason if inside.passed is None else None)
        audited = audits.check(run, thresholds.audit, may_be_made=verdict.passed)
        verdict = replace(verdict, checks=(*verdict.checks, audited))
    if champion is not None and champion.run_id == run.run_id:
        verdict = _with_failed_audit(verdict, failed_audits(home, run.question))
    refusal = verdict.refusal()
    if refusal is not None and force is None:
        raise refusal
    if refusal is None and force is not None:
        verdict = replace(verdict, notes=(*verdict.notes, "it passes the gate: nothing had to be forced"))
    if champion is not None and champion.run_id == run.run_id:
        runs.mark(run)  # its bundle stays, with its refits, and with its mark if it was promoted against the gate
        return verdict, False
    now = pd.Timestamp.now("UTC").isoformat()
    forced = None if refusal is None else {"at": now, "reason": str(force), "refused": verdict.sentence}
    runs.promote(
        run, instead_of=compared, skill=_skill(run, home.evaluations, is_forced=forced is not None), forced=forced
    )
    return verdict, True


def _with_failed_audit(verdict: Verdict, failed: Sequence[str]) -> Verdict:
    """The verdict on the present champion, which says that its audit failed."""
    if not failed:
        return verdict
    but = f", but {failed[0]}"
    already = next((check.reason for check in verdict.checks if check.test == "champion"), None)
    if already is None:
        return verdict.noting(failed[0])
    checks = [
        replace(check, reason=check.reason + but) if check.test == "champion" else check for check in verdict.checks
    ]
    notes = [note + but if note == already else note for note in verdict.notes]
    return replace(verdict, checks=tuple(checks), notes=tuple(notes))


def _unjudged(runs: Runs, run: Run, why: BullbearError) -> Verdict:
    """The verdict on a run whose evidence cannot be computed."""
    try:
        tried = runs.tried(run)
    except TrialsError as damaged:
        unknown = Check("tries", False, f"how many models were tried is unknown: {damaged}", damaged.remedy)
        return Verdict(None, float("nan"), (), (), (unknown,))
    return Verdict(tried, float("nan"), (), (), (Check("evidence", False, str(why)),))


def _skill(run: Run, kept: Path, *, is_forced: bool) -> dict[str, Any] | None:
    """What its forecasts are shown with; of a forced run that cannot be scored, nothing."""
    try:
        found = evaluation_of(run.of_target, kept)
    except BullbearError:
        if is_forced:
            return None
        raise
    table = run.of_target.table
    through = table.loc[table["y"].notna(), "resolved_at"].max()
    skill = {"skill": found.bss, "skill_low": found.bss_low, "skill_high": found.bss_high, "n": found.n,
             "resolved_through": through.isoformat()}  # fmt: skip
    document: dict[str, Any] = json_ready(skill)
    return document


def promote_each(
    home: Home,
    runs: Runs,
    found: Sequence[Run],
    *,
    force: str | None = None,
    jobs: int = 1,
    console: Console | None = None,
) -> tuple[dict[str, Verdict], dict[str, BullbearError]]:
    """Promote the run of each question by itself: the verdicts, and what refused the others, by question.

    A run that cannot be promoted, for whatever reason, keeps no other one from it; `force` is that of `promote_run`.

    Parameters
    ----------
    jobs, console
        Worker processes of the audit, if one must be made, and where its progress is shown.

    Raises
    ------
    GateError
        None passed; of several the message holds every reason.
    BullbearError
        The only run cannot be used; see `promote_run`.
    """
    verdicts: dict[str, Verdict] = {}
    refused: dict[str, BullbearError] = {}
    audits = AuditGate(home, runs, jobs=jobs, console=console)
    for run in found:
        try:
            verdicts[run.question] = promote_run(home, runs, run, force=force, audits=audits)
        except BullbearError as bad:
            refused[run.question] = bad
    if not verdicts:
        if len(refused) == 1:
            raise next(iter(refused.values()))
        reasons = "; ".join(f"{question}: {bad}" for question, bad in refused.items())
        raise GateError("the gate", reasons, "keep the champions, or train another model", verdicts_of(refused))
    return verdicts, refused


def verdicts_of(refused: Mapping[str, BullbearError]) -> dict[str, Any]:
    """The gate's verdict on each question that it refused; without those that failed before it."""
    return {question: bad.verdict for question, bad in refused.items() if isinstance(bad, GateError) and bad.verdict}
