"""Notifying a user's command of what has changed: once for an entry, by its input and environment, never in a shell.

The command is split into words as a shell would, but no shell runs it, and nothing of the message becomes a word: a
sentence of somebody's questions.toml cannot be executed. The notification is kept beside the ledger before the command
starts, so that a second run of the evening, or one that follows a crash, sends no other.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from bullbear.errors import InputError
from bullbear.files import write_whole
from bullbear.forecasting.record import iso
from bullbear.home import Home
from bullbear.workflows.evening_line import evening_line, subject_of

NOTIFIED = ("position", "stop", "regime", "outlook")
"""The changes that a command is started for; all others are in the message, too."""
REST = pd.Timedelta(days=7)
"""How long a notified outlook of a question starts no command again: it may waver at the edge of the unusual."""
NEIGHBOURING = 5
"""Sessions since the forecast before, at most: against one of long ago nearly everything has changed."""
TIME_LIMIT = 60.0
"""Seconds after which the command and what it started are killed."""
REASONS = 3
"""Of each change that the message gives."""
LONGEST = 10_000
"""Characters of a variable: the system refuses to start a command with a long one. The input has the whole message."""

Document = Mapping[str, Any]


def words_of(command: str) -> list[str]:
    """The command and its arguments; the path of a file that exists is one word, blanks and all.

    Raises
    ------
    InputError
        It is empty, a quotation mark is not closed, or its program cannot be started: that would go unnoticed until the
        evening on which there is something to tell.
    """
    try:
        # `Path.is_file` raises for a command that is longer than the name of a file may be.
        words = [str(Path(command).resolve())] if os.path.isfile(command) else shlex.split(command)
    except ValueError as bad:
        raise InputError("--notify", command, "a command, its quotation marks closed", "correct the command") from bad
    if not words:
        raise InputError("--notify", command, "a command and its arguments", "name the command that is to be started")
    if shutil.which(words[0]) is None:
        allowed = "a command whose program is there and may be executed"
        raise InputError("--notify", command, allowed, "check its path, and `chmod +x` it if it is a script")
    return words


def notable_changes(changes: Document | None, notified: Mapping[str, str], decided_at: str) -> list[Document]:
    """The changes since the evening before that a command is started for.

    Parameters
    ----------
    notified
        By question, the close of its last notified outlook.
    """
    if changes is None or changes["since"]["sessions"] > NEIGHBOURING:
        return []
    rested = iso(pd.Timestamp(decided_at) - REST)  # of one form, so that texts compare as instants do
    return [
        each
        for each in changes["lines"]
        if each["what"] in NOTIFIED and (each["what"] != "outlook" or notified.get(each["question"], "") <= rested)
    ]


def notify(home: Home, words: Sequence[str], entry: Document, changes: Document | None) -> tuple[bool, str]:
    """Start the command if there are notable changes that it was not notified of before.

    Returns
    -------
    Whether it was started, and a note: why it was not, or how it failed; "" if all is well.
    """
    kept = home.forecasts / "notified.json"
    before, decided_at = _kept(kept), str(entry["decided_at"])
    notified = {question: at for question, at in _last_notified(before).items() if at != decided_at}
    found = notable_changes(changes, notified, decided_at)
    if changes is None or not found:
        ago = 0 if changes is None else changes["since"]["sessions"]
        old = f": the forecast before is {ago:,} sessions older" if ago > NEIGHBOURING else ""
        return False, f"no notable change{old}"
    outlook = [each["question"] for each in found if each["what"] == "outlook"]
    notification = {
        "hash": entry["ledger"]["hash"],
        "decided_at": decided_at,
        "changes": [each["sentence"] for each in found],
        "outlook": notified | dict.fromkeys(outlook, decided_at),
    }
    # A late bar may replace an evening's entry by one that says the same: that is no news, either.
    same_evening = before.get("decided_at") == decided_at and before.get("changes") == notification["changes"]
    if before.get("hash") == notification["hash"] or same_evening:
        return False, "notified before"
    write_whole(kept, json.dumps(notification, indent=1) + "\n")
    what = ", ".join(dict.fromkeys(str(each["what"]) for each in found))
    subject = _plain(f"{subject_of(entry)}: {what} changed")
    environment = {
        "BULLBEAR_SUBJECT": subject,
        "BULLBEAR_CHANGES": "\n".join(_plain(each["sentence"]) for each in changes["lines"])[:LONGEST],
        "BULLBEAR_WHAT": what,
        "BULLBEAR_TICKER": entry["ticker"],
        "BULLBEAR_DECIDED_AT": entry["decided_at"],
        "BULLBEAR_HOME": str(home.root),
    }
    return True, _started(words, _message(subject, entry, changes), environment)


def _message(subject: str, entry: Document, changes: Document) -> str:
    lines = [subject, "", _plain(evening_line(entry, changes)), ""]
    lines.append(f"Changed since {str(changes['since']['decided_at'])[:10]}:")
    for each in changes["lines"]:
        lines.append(f"- {_plain(each['sentence'])}")
        lines += [f"    {_plain(reason['sentence'])}" for reason in (each.get("why") or ())[:REASONS]]
    return "\n".join([*lines, ""])


def _started(words: Sequence[str], message: str, environment: Mapping[str, str]) -> str:
    """Run the command to its end; "" or how it failed."""
    # A file takes what it says: of a pipe the end would be awaited, which a child in the background may hold open.
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
                env={**os.environ, **environment},
                start_new_session=True,
            )
        except (OSError, ValueError) as bad:
            return f"{words[0]} could not be started: {getattr(bad, 'strerror', None) or bad}"
        try:
            process.communicate(message.encode(), timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired:
            return f"{words[0]} was stopped after {TIME_LIMIT:.0f} seconds"
        finally:  # of an interrupt, too
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process.returncode == 0:
            return ""
        said.seek(0)
        last = said.read().decode(errors="replace").strip().splitlines()[-1:]
        return f"{words[0]} ended with code {process.returncode}" + "".join(f": {_plain(line)}" for line in last)


def _kept(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _last_notified(kept: Document) -> dict[str, str]:
    """By question, the close of its last notified outlook."""
    found = kept.get("outlook")
    return {str(name): str(at) for name, at in found.items()} if isinstance(found, dict) else {}


def _plain(text: object) -> str:
    """One line without control characters: a line end in a mail's subject would begin a header."""
    return " ".join("".join(each if each.isprintable() else " " for each in str(text)).split())
