"""Warm-up: the look-backs that factors declare are the true ones.

A windowed factor computed on its declared rows alone is that of the whole history to the last bit; a recursive one has
forgotten its start; and before its look-back is covered a factor is missing. More rows declared than read are no
mistake, but shown.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from bullbear.audit.factors.look_back import LookBack, finding_of, look_back, rows_read
from bullbear.audit.result import CheckResult, Leak
from bullbear.audit.subject import Effort, Subject
from bullbear.definitions import FactorSpec
from bullbear.factors import registered
from bullbear.factors.engine.matrix import Rows, rows_of

NAME = "warm-up"
_PLACES = 8
"""Rows on which each factor is looked at."""
_LONG = 3000
"""Declared rows beyond which nobody searches for fewer."""


def check(subject: Subject, effort: Effort, progress: Callable[[int, int], None]) -> CheckResult:
    """Make the check."""
    if not subject.specs:
        return CheckResult.not_applicable(NAME, "the model reads no factors")
    leaks: list[Leak] = []
    left: dict[str, float] = {}
    spare: dict[str, dict[str, int]] = {}
    looked = 0
    asked = list({_meaning(spec): spec for spec in reversed(subject.specs)}.values())[::-1]
    for done, spec in enumerate(asked):
        rows = rows_of(subject.view, spec, subject.index, subject.ticker)
        if rows is None:
            continue
        early = _too_early(subject, spec, rows)
        leaks += [early] if early is not None else []
        found = look_back(rows, _PLACES // 4 if effort.is_quick else _PLACES)
        if found is None:
            continue
        looked += 1
        if found.is_too_short:
            leaks.append(_too_short(spec, rows, found))
        elif not found.windowed:
            left[spec.name] = found.left
        elif not effort.is_quick and 1 < rows.needed <= _LONG:
            read = rows_read(rows, 3)
            if read is not None and 2 * read < rows.needed:
                spare[spec.name] = {"declared": rows.needed, "read": read}
        progress(done + 1, len(asked))
    most = max(left, key=left.__getitem__) if left else None
    faded = (
        "" if most is None else f"; the start changes recursive ones by at most {left[most]:.1e} standard deviations"
    )
    more = f"; {len(spare)} declare at least twice the rows that they read" if spare else ""
    clean = f"{looked} factors need no more rows than they declare{faded}{more}"
    return CheckResult.of(
        NAME, leaks, clean, "a look-back is too short", factors=looked, left_of_start=left, declare_more=spare
    )


def _meaning(spec: FactorSpec) -> tuple[str, str]:
    factor = registered()[spec.function]
    return spec.function, repr(sorted(factor.settled(spec.params).items()))


def _too_early(subject: Subject, spec: FactorSpec, rows: Rows) -> Leak | None:
    """A value before the declared look-back is covered."""
    column = subject.factors[spec.name]
    first = rows.known_from + rows.needed - 1
    if not len(rows.sessions):
        return None
    covered = pd.Timestamp(rows.sessions[min(first, rows.rows - 1)]) if first < rows.rows else None
    before = column if covered is None else column[column.index < covered]
    known = np.flatnonzero(before.notna().to_numpy())
    if not len(known):
        return None
    day, value = before.index[known[0]], float(before.iloc[known[0]])
    sentence = f"{spec.name}: {value:.10g} on {day:%Y-%m-%d}, before its look-back of {rows.needed} rows is covered"
    return Leak(spec.name, f"{day:%Y-%m-%d}", value, sentence)


def _too_short(spec: FactorSpec, rows: Rows, found: LookBack) -> Leak:
    finding = finding_of(spec, rows, found)
    far = f" ({found.left:.2g} standard deviations)" if not found.windowed and np.isfinite(found.left) else ""
    sentence = f"{spec.name}: {finding.sentence} of {rows.needed} rows{far}"
    return Leak(spec.name, finding.day, abs(found.whole - found.alone), sentence)
