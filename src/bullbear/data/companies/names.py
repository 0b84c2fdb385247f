"""Spellings: tickers as the fund, the SEC and the price provider write them, and whether two names mean one company.

A class of shares has no mark at iShares (`MOGA`), a hyphen at the SEC and at Yahoo (`MOG-A`). Only the SEC's list tells
that from a ticker that ends in the same letter (`BELFA`). We keep the fund's spelling, without marks.
"""

from __future__ import annotations

import re
from collections.abc import Container

from bullbear.definitions.groups import is_company

_MARKS = re.compile(r"[ ./\-]")
_TICKER = re.compile(r"[A-Z]{1,6}")
_WORDS = re.compile(r"[A-Z0-9]+")
_EMPTY = """
    A AND B BV C CL CLASS CO COM COMMON COMPANIES COMPANY CORP CORPORATION DE GROUP GRP HLDG HLDGS HOLDING HOLDINGS INC
    INCORPORATED INTERNATIONAL INTL LIMITED LLC LP LTD MD NEW NV OF OR ORD PLC REIT SA SE SHARES SHS STOCK THE TRUST VA
"""
_EMPTY_WORDS = frozenset(_EMPTY.split())


def plain(ticker: str) -> str:
    """A ticker in capitals without marks.

    Example
    -------
    >>> plain("brk.b")
    'BRKB'
    """
    return _MARKS.sub("", ticker.strip().upper())


def is_share(ticker: str, sector: str) -> bool:
    """Whether a line of a list of holdings is a listed share: no cash, no future, no right without a ticker.

    Example
    -------
    >>> [is_share(*line) for line in (("MOGA", "Industrials"), ("-", ""), ("P5N994", "Health Care"))]
    [True, False, False]
    """
    return is_company(ticker, sector) and _TICKER.fullmatch(plain(ticker)) is not None


def provider_spelling(ticker: str, known: Container[str]) -> str:
    """The ticker as the SEC and Yahoo write it, given the SEC's tickers; unchanged where they have neither form.

    Example
    -------
    >>> [provider_spelling(ticker, {"MOG-A", "BELFA"}) for ticker in ("MOGA", "BELFA", "BRK.B", "XYZ")]
    ['MOG-A', 'BELFA', 'BRK-B', 'XYZ']
    """
    bare = plain(ticker)
    if bare in known:
        return bare
    for classed in (f"{bare[:-1]}-{bare[-1:]}", f"{bare[:-2]}-{bare[-2:]}"):
        if not classed.startswith("-") and classed in known:
            return classed
    return _MARKS.sub("-", ticker.strip().upper())


def alike(one: str, other: str) -> bool:
    """Whether two names can be one company's: all telling words of the shorter one stand in the other.

    Example
    -------
    >>> alike("HAIN CELESTIAL GROUP INC", "Hain Celestial Group, Inc."), alike("FIRST BANCORP", "FIRST HORIZON CORP")
    (True, False)
    """
    words = [set(_WORDS.findall(name.upper().replace("'", ""))) - _EMPTY_WORDS for name in (one, other)]
    shorter, longer = sorted(words, key=len)
    return bool(shorter) and shorter <= longer
