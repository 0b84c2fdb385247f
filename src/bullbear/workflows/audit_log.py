"""What is kept of an audit: a page of the home, and with every run of the training a document, a page and tags.

On the same code and data a quick audit that passed replaces neither a full one nor a failed one of the same run; one
that failed replaces any.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bullbear.audit.auditing import Audit
from bullbear.audit.catalogue import BY_NAME
from bullbear.documents import json_ready
from bullbear.files import write_whole
from bullbear.forecasting.failed_audits import FILE, record_audit
from bullbear.forecasting.ledger import warn
from bullbear.home import Home
from bullbear.tracking.tags import AUDIT
from bullbear.workflows.auditing import Audited
from bullbear.workflows.reuse import CODE, STORE, code_digest, stored_now

if TYPE_CHECKING:
    from bullbear.tracking import Runs

DOCUMENT, PAGE = "audit.json", "audit.html"
"""Of the home's reports and of a run's artifacts."""
PART = "audit_part.html"
"""The page of an audit of some checks alone: that of a whole one stays."""


def document_of(audited: Audited, audit: Audit) -> dict[str, Any]:
    """The audit as it is kept: with its instant, and the code and the data that it is about."""
    checks = [
        {"title": BY_NAME[each.name].title, "asks": BY_NAME[each.name].asks, **each.as_dict()} for each in audit.checks
    ]
    subject = audited.subject
    document: dict[str, Any] = json_ready(
        {
            **audit.as_dict(),
            "training": next(iter(audited.run_ids or tuple(subject.run_ids.values())), ""),
            "at": pd.Timestamp.now("UTC").strftime("%Y-%m-%dT%H:%M:%SZ"),
            "simulated": subject.store.is_simulated,
            "ticker": subject.ticker,
            **audited.stamp,
            "checks": checks,
        }
    )
    return document


def is_current(home: Home, document: Mapping[str, Any]) -> bool:
    """Whether an audit is about the code that runs and all that is stored now."""
    stored = [stored_now(home, companies=companies) for companies in (False, True)]
    return document.get(CODE) == code_digest() and document.get(STORE) in stored


def replaces(new: Mapping[str, Any], old: Mapping[str, Any] | None) -> bool:
    """Whether a new audit of a run takes the place of the one that is kept with it."""
    if not new["passed"] or old is None:
        return not new["passed"] or bool(new["whole"])
    as_new = all(old.get(key) == new[key] for key in (CODE, STORE))
    return bool(new["whole"]) and not (as_new and new["quick"] and not (old["quick"] and old["passed"]))


def outcome(document: Mapping[str, Any]) -> str:
    """The tag of an audited run."""
    if not document["passed"]:
        return f"failed: {', '.join(each['name'] for each in document['checks'] if each['verdict'] == 'failed')}"
    return f"passed ({'quick' if document['quick'] else 'full'}) {document['at'][:10]}"


def kept_with(runs: Runs, run_id: str) -> dict[str, Any] | None:
    """The audit that is kept with a run, if there is one that can be read."""
    text = runs.present_text(run_id, DOCUMENT)
    try:
        found = None if text is None else json.loads(text)
        return found if isinstance(found, dict) and isinstance(found["checks"], list) else None
    except (ValueError, KeyError):
        return None


def keep(
    home: Home,
    runs: Runs,
    made: Sequence[tuple[Audited, Mapping[str, Any]]],
    *,
    say: Callable[[str], None] = warn,
) -> Path | None:
    """Write the page of the home and log each audit with the runs of its training; the page, if it could be written.

    Parameters
    ----------
    say
        Called with a note of what was not kept.
    """
    from bullbear.report.page import page_html
    from bullbear.report.sections.audit import page_sections

    documents = [document for _, document in made]

    def page_of(shown: Sequence[Mapping[str, Any]]) -> str:
        names = ", ".join(str(each["model"]) for each in shown)
        return page_html(
            page_sections(shown),
            title=f"Audit of {names}",
            ticker=str(shown[0]["ticker"]),
            simulated=any(each["simulated"] for each in shown),
            generated_at=pd.Timestamp(shown[0]["at"]),
        )

    is_whole = all(document["whole"] for document in documents)
    place = home.reports / (PAGE if is_whole else PART)
    for audited, document in made:
        if not audited.run_ids:
            say(f"{document['model']} has no tracked run: its audit is not logged")
            if not document["passed"] or (document["whole"] and not document["quick"]):
                _remember(home, audited, document, place, say)
        elif not replaces(document, kept_with(runs, audited.run_ids[0])):
            why = (
                "the run has a full or a failed audit of the same code and data"
                if document["whole"]
                else "only some of the checks were made"
            )
            say(f"the audit of {document['model']} is not logged: {why}")
        else:
            texts = {DOCUMENT: json.dumps(document, indent=1), PAGE: page_of([document])}
            _remember(home, audited, document, place, say)
            runs.record_audit(audited.run_ids, texts, {AUDIT: outcome(document)}, _metrics(document), say=say)
    try:
        write_whole(place, page_of(documents))
        if is_whole:
            write_whole(home.reports / DOCUMENT, json.dumps(documents, indent=1))
    except OSError as bad:
        say(f"{place} was not written: {bad.strerror or bad}")
        return None
    return place


def _remember(
    home: Home, audited: Audited, document: Mapping[str, Any], page: Path, say: Callable[[str], None]
) -> None:
    """Keep where a forecast finds it whether the audit failed."""
    failed = [each["name"] for each in document["checks"] if each["verdict"] == "failed"]
    run_ids = {*audited.run_ids, *audited.subject.run_ids.values()}
    if not run_ids:
        return
    try:
        record_audit(home, run_ids, failed, document["at"], str(page.relative_to(home.root)))
    except OSError as bad:
        say(f"{home.forecasts / FILE} was not written: {bad.strerror or bad}")


def last_of_home(home: Home) -> list[dict[str, Any]]:
    """The audits that the home's page shows; none if there is no page."""
    try:
        found = json.loads((home.reports / DOCUMENT).read_text(encoding="utf-8"))
        return found if isinstance(found, list) else []
    except (OSError, ValueError):
        return []


def _metrics(document: Mapping[str, Any]) -> dict[str, float]:
    """How many checks failed and the time, and the plain numbers of each check."""
    found = {"audit/failed": float(sum(each["verdict"] == "failed" for each in document["checks"]))}
    found["audit/seconds"] = float(document["seconds"])
    for check in document["checks"]:
        for name, value in check["figures"].items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                found[f"audit/{check['name']}/{name}"] = float(value)
    return found
