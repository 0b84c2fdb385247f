"""The tags by which runs are known, and the kinds of verdict; readable without MLflow."""

from __future__ import annotations

from bullbear.evaluate.scored_model import NOT_JUDGED

QUESTION = "question"
"""The tag of a run that names the question that it answers."""
QUESTIONS = "questions"
"""The tag of a training of several questions that names them, and the folder of its staged trainings."""
SEARCH = "search"
"""The tag of a nested run that is a search for parameters."""
USED_AGAIN = "used_again"
"""The tag of a training that was asked for again and reused: when, in milliseconds since 1970."""
AUDIT = "audit"
"""The tag of a run that was audited: `passed (full) DAY`, `passed (quick) DAY` or `failed: CHECK, CHECK`."""
VERDICT = "verdict"
"""The tag: `champion: WHY`, `passed: WHY`, `refused: REASON` or `not judged`."""
CHAMPION = "champion"
PASSED = "passed"
REFUSED = "refused"
FORCED_CHAMPION = f"{CHAMPION}: forced"
"""How the verdict on a champion begins that the gate refused."""
KINDS = (CHAMPION, PASSED, REFUSED, NOT_JUDGED)


def kind_of(verdict: str) -> str:
    """Which of the four a verdict is."""
    return next((kind for kind in KINDS if verdict.startswith(kind)), NOT_JUDGED)


def no_longer_champion(what: str, *, forced: bool) -> str:
    """The verdict on a run that was champion, and `what` ended that; one that was forced has never passed.

    Example
    -------
    >>> no_longer_champion("rolled back", forced=True)
    'refused: promoted against the gate, rolled back'
    """
    return f"{REFUSED}: promoted against the gate, {what}" if forced else f"{PASSED}: {what}"
