"""As stored: what this machine had stored at an evening gives that evening's forecasts again, to the last bit.

First the whole ledger: its chain, and whether each entry could have been issued when it claims. Then evenings of the
audited runs are recomputed (`audit.replays.evenings`) on `as_of(decided_at, stored=...)`, with the models in force
then. What cannot be recomputed, because a model is gone or another version of the code made it, is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bullbear.audit.catalogue import Progress
from bullbear.audit.replays.evenings import Again, Entry, Evening, evenings_of, question_in, repeated, run_in, stored_in
from bullbear.audit.result import NOT_APPLICABLE, CheckResult, Leak
from bullbear.audit.subject import Effort, Subject
from bullbear.code_version import code_version
from bullbear.errors import BullbearError, LedgerError, NoDataError
from bullbear.forecasting.champion_history import changes_of
from bullbear.forecasting.ledger import LIVE, REPLAY, Ledger, kind_of, kind_of_entry
from bullbear.forecasting.verification import verify

NAME = "as-stored"
EVENINGS = {LIVE: 80, REPLAY: 20}
QUICK_EVENINGS = {LIVE: 8, REPLAY: 2}
"""How many evenings are repeated at most: the last one, and others spread over all before."""
_SECOND = pd.Timedelta(seconds=1)  # `issued_at` is written to the second


def check(subject: Subject, effort: Effort, progress: Progress) -> CheckResult:
    """Look at the ledger, and repeat evenings of the audited runs."""
    ledger = Ledger(subject.home.forecasts / "ledger.jsonl", say=lambda line: None)
    if not ledger.path.exists():
        return CheckResult.not_applicable(NAME, "no forecast has been issued in this home")
    leaks = [_unsound(str(fault)) for fault in verify(subject.home).faults]
    try:
        entries: list[Entry] = list(ledger.entries())
    except LedgerError as bad:
        leaks = leaks or [_unsound(str(bad))]
        return CheckResult.of(NAME, leaks, "", "an entry was altered")
    leaks += _impossible(entries)
    runs = {str(each) for each in subject.run_ids.values()}
    chosen = _chosen(evenings_of(entries), runs, QUICK_EVENINGS if effort.is_quick else EVENINGS)
    same, lost = Counter[str](), Counter[str]()
    for place, evening in enumerate(chosen, start=1):
        leaks += _evening(subject, evening, runs, same, lost)
        progress(place, len(chosen))
    of_runs = [each for each in entries if run_in(each) in runs]
    figures = {
        "entries": len(entries),
        "of_the_runs": len(of_runs),
        "live": sum(kind_of_entry(each) == LIVE for each in of_runs),
        "repeated": dict(same),
        "not_repeated": dict(lost),
    }
    if not leaks and not same:
        if not of_runs:
            why = f"none of the {len(entries):,} entries of the ledger is of this training; the chain verifies"
        else:
            why = f"none of its {len(of_runs):,} entries could be repeated: {_counted(lost)}"
        return CheckResult(NAME, NOT_APPLICABLE, why, (), figures)
    kinds = " and ".join(f"{count:,} {kind}" for kind, count in sorted(same.items()))
    clean = f"{kinds} entries of {len(of_runs):,} are repeated to the last bit from what was stored then"
    clean += f"; {sum(lost.values()):,} could not be: {_counted(lost)}" if lost else ""
    return CheckResult.of(NAME, leaks, clean, "an entry could not have been issued as recorded", **figures)


def _unsound(why: str) -> Leak:
    return Leak("ledger", "", float("nan"), f"the ledger does not verify: {why}")


def _counted(lost: Counter[str]) -> str:
    return "; ".join(f"{count:,}, {why}" for why, count in lost.most_common(3))


def _named(entry: Entry) -> str:
    index = entry["ledger"]["index"]
    return f"entry {index} ({question_in(entry)}, decided {entry['decided_at'][:10]}, {kind_of_entry(entry)})"


def _impossible(entries: Sequence[Entry]) -> list[Leak]:
    """Entries that could not have been issued when they say."""
    found, latest = [], None
    for entry in entries:
        if "issued_at" not in entry:
            continue  # of an older version
        issued, decided = pd.Timestamp(entry["issued_at"]), pd.Timestamp(entry["decided_at"])
        stored, known = stored_in(entry), entry["data"].get("last_known_at")
        said = f"{_named(entry)}, issued {issued:%Y-%m-%d %H:%M:%S} UTC,"
        wrong = None
        if kind_of_entry(entry) == LIVE and kind_of(decided, issued) != LIVE:
            wrong = "calls itself live, but the next session had opened or its own had not closed"
        elif stored is not None and stored >= issued + _SECOND:
            wrong = f"rests on rows stored until {stored:%Y-%m-%d %H:%M:%S} UTC, later than it was issued"
        elif known is not None and pd.Timestamp(known) > decided:
            wrong = f"rests on a bar known at {pd.Timestamp(known):%Y-%m-%d %H:%M} UTC, after its close"
        elif (fit := entry["model"].get("trained_through")) is not None and fit >= entry["decided_at"][:10]:
            wrong = f"is answered by a model fitted through {fit}, at or after its close"
        elif issued < decided:
            wrong = "was issued before its close"
        elif latest is not None and issued < latest:
            wrong = f"stands in the ledger behind one issued {latest:%Y-%m-%d %H:%M:%S} UTC"
        if wrong is not None:
            found.append(Leak(_named(entry), str(entry["issued_at"]), float("nan"), f"{said} {wrong}"))
        latest = issued if latest is None else max(latest, issued)
    return found


def _chosen(evenings: Sequence[Evening], runs: set[str], most: Mapping[str, int]) -> list[Evening]:
    """Of live evenings and of replays with an entry of the runs, as many as `most` says, the last among them."""
    chosen = []
    for kind in most:
        own = [
            each
            for each in evenings
            if any(run_in(entry) in runs and kind_of_entry(entry) == kind for entry in each.entries)
        ]
        spread = np.linspace(0, len(own) - 1, min(most[kind], len(own))).round().astype(int)
        chosen += [own[place] for place in spread.tolist()]
    return chosen


def _evening(subject: Subject, evening: Evening, runs: set[str], same: Counter[str], lost: Counter[str]) -> list[Leak]:
    """The entries of an evening that are not repeated; those that are, and those that cannot be, are counted."""
    own = [entry for entry in evening.entries if run_in(entry) in runs]
    through = subject.store.through
    if through is not None and pd.Timestamp(own[0]["decided_at"]) > through:
        lost["the hold-out seals its close"] += len(own)
        return []
    try:
        again = repeated(subject, subject.store, evening)
    except NoDataError:
        stored = stored_in(own[0])
        if stored is not None and subject.store.as_of(stored=stored).has("bars", str(own[0]["ticker"])):
            said = f"{_named(own[0])}: what was stored by {stored:%Y-%m-%d %H:%M} UTC has no bar of its close"
            return [Leak(_named(own[0]), str(own[0]["decided_at"]), float("nan"), said)]
        lost["the store has been rebuilt since"] += len(own)
        return []
    except BullbearError as bad:
        lost[str(bad)] += len(own)
        return []
    leaks = []
    for entry in own:
        if (leak := _differs(again, entry)) is None:
            same[kind_of_entry(entry)] += 1
        elif (why := _excused(subject, entry, again)) is not None:
            lost[why] += 1
        else:
            leaks.append(leak)
    return leaks


def _excused(subject: Subject, entry: Entry, again: Again) -> str | None:
    """Why an entry may differ though nothing is wrong with it."""
    if entry.get("code_version") != code_version():
        return f"made by another version of the code, {entry.get('code_version')}"
    bundle = again.answers[question_in(entry)].asked.bundle
    if bundle is None or entry["model"]["trained_through"] < str(bundle.last_session.date()):
        return None  # a fit of the training, which no promotion makes anew
    issued = pd.Timestamp(entry["issued_at"])
    for change in changes_of(subject.home, question_in(entry)):
        if change.run_id == run_in(entry) and pd.Timestamp(change.at) > issued + _SECOND:
            return "its run has been promoted again since, which refits it"
    return None


def _differs(again: Again, entry: Entry) -> Leak | None:
    """What an entry says that the evening repeated does not."""
    question = question_in(entry)
    said, model = again.forecast(question), f"the model of {entry['model']['trained_through']}"
    stored = stored_in(entry)
    by = "" if stored is None else f" by {stored:%Y-%m-%d %H:%M:%S} UTC"
    p = "p_up" if "p_up" in entry else "p"
    numbers = {p: said.p, "p_low": said.p_low, "p_high": said.p_high, "climatology": said.climatology}
    numbers = {name: float(number) for name, number in numbers.items()}
    factors = again.fingerprint(question) != entry["data"]["fingerprint"]
    for name, number in numbers.items():
        if entry[name] != number and not (entry[name] is None and number != number):
            why = f"{name} is {entry[name]!r}, with {model} on what was stored{by} {number!r}"
            why += _factor(again, entry) if factors else ", from the same factors and labels"
            return Leak(_named(entry), str(entry["decided_at"]), float(entry[name] - number), f"{_named(entry)}: {why}")
    if factors:
        why = f"factors or labels differ from those of the data stored{by}{_factor(again, entry)}"
        return Leak(_named(entry), str(entry["decided_at"]), float("nan"), f"{_named(entry)}: {why}")
    return None


def _factor(again: Again, entry: Entry) -> str:
    """The first factor that the entry quotes with another value."""
    row = again.answers[question_in(entry)].factors.iloc[0]
    for driver in entry.get("drivers", ()):
        name, value = driver["factor"], driver["value"]
        now = float(row[name]) if name in row.index else float("nan")
        if not (value == now or (value is None and now != now)):
            return f"; {name} was {value!r}, and is {now!r}"
    return "; its factors or labels differ"
