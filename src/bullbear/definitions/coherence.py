"""Coherence: what the events of several questions imply about each other, and the nearest probabilities that obey it.

All questions are asked of one path of closes. Two events, or an event and the negation of another, contradict each
other if no path of positive closes satisfies both; every relation of two questions is such a contradiction ("A implies
B" is one of A and not-B). Whether a path exists is decided exactly: every event is a condition on the closes of some
sessions or on the sum of the squared returns.

Where several events contradict each other pairwise, at most one can happen, so their probabilities sum to at most 1.
Relations of three events that do not follow from those of two are left alone: "a move is a dip or a rally" is one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any, Literal

import numpy as np

from bullbear.definitions.questions import SESSIONS_A_YEAR, Question
from bullbear.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]
TOLERANCE = 1e-12
"""Probabilities that break a relation by less are coherent."""
_SLOPE = 1e-10
"""Of a sum of squares of numbers of about 1 at its minimum, along one axis."""


@dataclass(frozen=True)
class Relation:
    """A relation of the events of two questions, by name.

    `implies`: P(first) <= P(second). `excludes`: P(first) + P(second) <= 1. `covers`, one of them holds:
    P(first) + P(second) >= 1.
    """

    first: str
    kind: Literal["implies", "excludes", "covers"]
    second: str


def implications(questions: Sequence[Question]) -> tuple[Relation, ...]:
    """Every relation of two questions that holds on all paths, in the order of the questions.

    The list is transitively closed. Events that are the same imply each other both ways.

    Parameters
    ----------
    questions
        About one ticker, with different names.

    Example
    -------
    >>> from bullbear.definitions.questions import UP, Dip
    >>> dip = Dip(name="dip5", kind="dip", threshold=-0.05, horizon=63, sentence="A close 5 % lower in the quarter.")
    >>> fall = Dip(name="dip8", kind="dip", threshold=-0.08, horizon=21, sentence="A close 8 % lower in the month.")
    >>> [(each.first, each.kind, each.second) for each in implications([UP, dip, fall])]
    [('dip8', 'implies', 'dip5')]
    """
    _check_names(questions)
    contradictions = _contradictions(tuple(questions))
    found: list[Relation] = []
    for a, b in combinations(range(len(questions)), 2):
        first, second = questions[a].name, questions[b].name
        if frozenset({(a, True), (b, False)}) in contradictions:
            found.append(Relation(first, "implies", second))
        if frozenset({(a, False), (b, True)}) in contradictions:
            found.append(Relation(second, "implies", first))
        if frozenset({(a, True), (b, True)}) in contradictions:
            found.append(Relation(first, "excludes", second))
        if frozenset({(a, False), (b, False)}) in contradictions:
            found.append(Relation(first, "covers", second))
    return tuple(found)


def related(questions: Sequence[Question], name: str, fixed: Sequence[str] = ("up",)) -> tuple[Question, ...]:
    """The other questions whose probabilities can move that of question `name` in `project`, in their order.

    Example
    -------
    >>> from bullbear.definitions.questions import UP, Dip
    >>> dip, fall = (
    ...     Dip(name=f"dip{size}", kind="dip", threshold=-size / 100, sentence=f"A close {size} % lower.")
    ...     for size in (5, 8)
    ... )
    >>> [each.name for each in related([UP, dip, fall], "dip8")]
    ['dip5']
    """
    near: dict[str, set[str]] = {question.name: set() for question in questions}
    for relation in implications(questions):
        near[relation.first].add(relation.second)
        near[relation.second].add(relation.first)
    found, ahead = {name}, [name]
    while ahead:
        if (here := ahead.pop()) in fixed:  # does not move, and so moves nothing on
            continue
        ahead += near[here] - found
        found |= near[here]
    return tuple(question for question in questions if question.name in found and question.name != name)


def project(questions: Sequence[Question], p: Array, fixed: Sequence[str] = ("up",)) -> Array:
    """The nearest coherent probabilities by the sum of squared differences, for each row by itself.

    A row that is coherent already comes back as it was, to the last bit; every other breaks no relation by more than
    1e-9. The rows do not influence each other. A NaN stays NaN, and its question takes no part in its row.

    Parameters
    ----------
    questions
        k questions about one ticker, with different names.
    p
        P(yes) of each question, shape (n, k).
    fixed
        Names of questions whose probabilities stay as they are; a name that is not among the questions has no effect.

    Raises
    ------
    InputError
        `p` has another shape or holds numbers outside 0 to 1, a name is used twice, or the fixed probabilities of a
        row contradict each other.

    References
    ----------
    Lawson & Hanson (1995), Solving Least Squares Problems, doi:10.1137/1.9781611971217, chapter 23: least distance
    programming by way of non-negative least squares.

    Example
    -------
    >>> from bullbear.definitions.questions import UP, Dip
    >>> dips = [
    ...     Dip(name=f"dip{size}", kind="dip", threshold=-size / 100, sentence=f"A close {size} % lower.")
    ...     for size in (5, 8)
    ... ]
    >>> project([UP, *dips], np.array([[0.6, 0.10, 0.12], [0.6, 0.25, 0.12]])).round(6).tolist()
    [[0.6, 0.11, 0.11], [0.6, 0.25, 0.12]]
    """
    _check_names(questions)
    given = np.asarray(p, dtype=np.float64)
    if given.ndim != 2 or given.shape[1] != len(questions):
        raise InputError("p", f"shape {given.shape}", f"shape (n, {len(questions)})", "give a column per question")
    known = ~np.isnan(given)
    outside = known & ~((given >= 0.0) & (given <= 1.0))
    if outside.any():
        raise InputError("p", float(given[outside][0]), "probabilities from 0 to 1", "check the forecasts")
    result = given.copy()
    for pattern in np.unique(known, axis=0) if len(given) else ():
        columns = np.flatnonzero(pattern)
        asked = [questions[int(column)] for column in columns]
        held = np.array([question.name in fixed for question in asked], dtype=bool)
        sides, limits = inequalities(asked)
        for row in np.flatnonzero((known == pattern).all(axis=1)):
            before = given[row, columns]
            # The sum of each row by itself: a matrix product of many rows may differ from that of one in the last bit.
            if (sides @ before <= limits + TOLERANCE).all():
                continue
            result[row, columns] = _nearest(before, sides, limits, held)
    return result


def inequalities(questions: Sequence[Question]) -> tuple[Array, Array]:
    """The relations as inequalities: `p` is coherent if `sides @ p <= limits`.

    Returns
    -------
    `sides`, shape (m, k), and `limits`, shape (m,). They include 0 <= p <= 1.
    """
    k = len(questions)
    rows: list[Array] = [*np.eye(k), *-np.eye(k)]
    limits = [1.0] * k + [0.0] * k
    for clique in _cliques(_contradictions(tuple(questions))):
        row = np.zeros(k)
        for place, holds in clique:
            row[place] += 1.0 if holds else -1.0
        rows.append(row)
        limits.append(1.0 - sum(not holds for _, holds in clique))
    return np.array(rows).reshape(len(rows), k), np.array(limits)


def _check_names(questions: Sequence[Question]) -> None:
    names = [question.name for question in questions]
    for name in names:
        if names.count(name) > 1:
            raise InputError("questions", name, "each name once", "leave one out")


def _nearest(p: Array, sides: Array, limits: Array, held: Array) -> Array:
    """The least-distance step from `p` into the region, by NNLS on its dual."""
    room = sides @ p - limits
    free = -sides[:, ~held]
    moved = p.copy()
    stuck = ~free.any(axis=1)
    if (room[stuck] > TOLERANCE).any():
        raise InputError("p", p[held].tolist(), "fixed probabilities that can hold together", "fix fewer questions")
    # Normalised, so that the tolerances of the solver mean the same whatever the size of the step.
    scale = float(np.abs(room).max())
    dual = np.vstack([free[~stuck].T, room[~stuck] / scale])
    target = np.append(np.zeros(dual.shape[0] - 1), 1.0)
    residual = dual @ _non_negative(dual, target) - target
    if residual[-1] > -1e-12:
        raise InputError("p", p[held].tolist(), "fixed probabilities that can hold together", "fix fewer questions")
    moved[~held] += scale * residual[:-1] / -residual[-1]
    return np.asarray(np.clip(moved, 0.0, 1.0))


def _non_negative(A: Array, b: Array) -> Array:
    """The x >= 0 with the least `|A x - b|`."""
    from scipy.optimize import lsq_linear, nnls

    x = np.asarray(nnls(A, b)[0])
    slope = A.T @ (b - A @ x)
    # SciPy's nnls may stop at a point that is no minimum and say nothing (scipy/scipy issue 25389). At a minimum a step
    # along no axis helps, and none matters along an axis in use.
    if (slope <= _SLOPE).all() and (np.abs(slope[x > 0.0]) <= _SLOPE).all():
        return x
    return np.asarray(lsq_linear(A, b, bounds=(0.0, np.inf), method="bvls", tol=1e-15, max_iter=1000).x)


Event = tuple[int, bool]
"""The place of a question, and whether its event or its negation is meant."""


@lru_cache(maxsize=64)
def _contradictions(questions: tuple[Question, ...]) -> frozenset[frozenset[Event]]:
    regions = {
        (place, holds): _region(question, holds) for place, question in enumerate(questions) for holds in (True, False)
    }
    pairs = (pair for pair in combinations(regions, 2) if pair[0][0] != pair[1][0])
    return frozenset(frozenset(pair) for pair in pairs if not _meet(*(regions[each] for each in pair)))


def _cliques(contradictions: frozenset[frozenset[Event]]) -> list[tuple[Event, ...]]:
    """The maximal sets of events of which any two contradict each other, in a fixed order (Bron and Kerbosch)."""
    near: dict[Event, set[Event]] = {}
    for first, second in map(tuple, contradictions):
        near.setdefault(first, set()).add(second)
        near.setdefault(second, set()).add(first)

    def grow(clique: set[Event], open_: set[Event], closed: set[Event]) -> Iterator[tuple[Event, ...]]:
        if not open_ and not closed:
            yield tuple(sorted(clique))
            return
        pivot = max(sorted(open_ | closed), key=lambda each: len(near[each] & open_))
        for each in sorted(open_ - near[pivot]):
            yield from grow(clique | {each}, open_ & near[each], closed & near[each])
            open_, closed = open_ - {each}, closed | {each}

    return sorted(grow(set(), set(near), set())) if near else []


@dataclass(frozen=True)
class _Interval:
    """Simple returns from the decision's close; an end that is infinite is open."""

    low: float = -math.inf
    high: float = math.inf
    low_closed: bool = False
    high_closed: bool = False

    def meets(self, other: _Interval) -> bool:
        low = max((self.low, not self.low_closed), (other.low, not other.low_closed))
        high = min((self.high, self.high_closed), (other.high, other.high_closed))
        return low[0] < high[0] or (low[0] == high[0] and not low[1] and high[1])

    def distance(self) -> float:
        """The smallest absolute log return in it."""
        return math.log1p(self.low) if self.low > 0 else -math.log1p(self.high) if self.high < 0 else 0.0


@dataclass(frozen=True)
class _Closes:
    """Every session of `sessions`, or some session of it, has its return in the interval."""

    sessions: range
    interval: _Interval
    some: bool = False


@dataclass(frozen=True)
class _Energy:
    """The volatility of the first `horizon` sessions, two or more, is above `volatility`, or at most that."""

    horizon: int
    volatility: float
    above: bool

    def bound(self) -> float:
        """On the sum of the squared daily log returns."""
        return self.horizon * self.volatility**2 / SESSIONS_A_YEAR


_Part = _Closes | _Energy


def _region(question: Question, holds: bool) -> tuple[_Part, ...]:
    """The event, or its negation, as a union of conditions; none for a kind of which nothing is known."""
    t, h = question.threshold, question.horizon
    end, within = range(h, h + 1), range(1, h + 1)
    kind = question.kind
    if kind == "volatility" and h == 1:  # the one return lies outside, or inside, an interval
        daily = t / math.sqrt(SESSIONS_A_YEAR)
        return _beyond(end, math.expm1(-daily), math.expm1(daily), holds)
    makers: dict[str, Callable[[], tuple[_Part, ...]]] = {
        "return_above": lambda: (_Closes(end, _over(t) if holds else _up_to(t)),),
        "return_below": lambda: (_Closes(end, _under(t) if holds else _from(t)),),
        "move": lambda: _beyond(end, -t, t, holds),
        "dip": lambda: (_Closes(within, _up_to(t) if holds else _over(t), some=holds and h > 1),),
        "rally": lambda: (_Closes(within, _from(t) if holds else _under(t), some=holds and h > 1),),
        "volatility": lambda: (_Energy(h, t, above=holds),),
    }
    return makers[kind]() if kind in makers else ()


def _over(t: float) -> _Interval:
    return _Interval(low=t)


def _from(t: float) -> _Interval:
    return _Interval(low=t, low_closed=True)


def _under(t: float) -> _Interval:
    return _Interval(high=t)


def _up_to(t: float) -> _Interval:
    return _Interval(high=t, high_closed=True)


def _beyond(end: range, low: float, high: float, holds: bool) -> tuple[_Part, ...]:
    if holds:
        return _Closes(end, _under(low)), _Closes(end, _over(high))
    return (_Closes(end, _Interval(low, high, low_closed=True, high_closed=True)),)


def _meet(first: tuple[_Part, ...], second: tuple[_Part, ...]) -> bool:
    """Whether some path satisfies both; True where nothing is known."""
    return not first or not second or any(_parts_meet(a, b) for a in first for b in second)


def _parts_meet(a: _Part, b: _Part) -> bool:
    if isinstance(a, _Closes) and isinstance(b, _Closes):
        return _closes_meet(a, b)
    if isinstance(a, _Energy) and isinstance(b, _Energy):
        return _energies_meet(a, b)
    energy, closes = (a, b) if isinstance(a, _Energy) else (b, a)
    assert isinstance(energy, _Energy)
    assert isinstance(closes, _Closes)
    # Any volatility can be had on the way; the least is that of a straight line, and 0 until the next close counts.
    last = closes.sessions[-1]
    if energy.above or last > energy.horizon:
        return True
    return closes.interval.distance() ** 2 / last <= energy.bound() * (1.0 + TOLERANCE)


def _closes_meet(a: _Closes, b: _Closes) -> bool:
    if a.interval.meets(b.interval):
        return True
    if a.some and b.some:  # over two sessions or more: at different ones
        return True
    if a.some or b.some:  # at a session that the other says nothing about
        some, every = (a, b) if a.some else (b, a)
        return not set(some.sessions) <= set(every.sessions)
    return not set(a.sessions) & set(b.sessions)


def _energies_meet(a: _Energy, b: _Energy) -> bool:
    if a.above == b.above:
        return True
    above, below = (a, b) if a.above else (b, a)
    if above.horizon > below.horizon:
        return True
    if above.horizon == below.horizon:
        return above.volatility < below.volatility
    return above.bound() < below.bound() * (1.0 + TOLERANCE)
