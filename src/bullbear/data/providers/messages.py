"""A provider's own explanation of a refusal, as one line."""

from __future__ import annotations

import json
from typing import Any

LONGEST = 200
_DEEPEST = 4
# FRED, then Yahoo, Tiingo, FINRA and the names that most web services use.
_NAMES = (
    "error_message", "error_description", "description", "detail", "message", "statusDescription", "error", "errors",
)  # fmt: skip


def provider_message(body: bytes) -> str:
    """The explanation in the body of a response; empty if it is not JSON or explains nothing.

    Example
    -------
    >>> provider_message(b'{"error_code": 400, "error_message": "Bad Request.  The series does not exist."}')
    'Bad Request. The series does not exist.'
    """
    try:
        document = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return ""
    return message_in(document)


def message_in(document: Any, depth: int = 0) -> str:
    """The explanation in a JSON document: the first text under one of the usual names, the outermost first.

    Example
    -------
    >>> message_in({"chart": {"result": None, "error": {"code": "Not Found", "description": "No data found"}}})
    'No data found'
    """
    if depth > _DEEPEST:
        return ""
    if isinstance(document, dict):
        for name in _NAMES:
            text = document.get(name)
            if isinstance(text, str) and text.strip():
                return _one_line(text)
        inner = list(document.values())
    elif isinstance(document, list):
        inner = document[:3]
    else:
        return ""
    return next((found for each in inner[:20] if (found := message_in(each, depth + 1))), "")


def _one_line(text: str) -> str:
    plain = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 3] + "..."
