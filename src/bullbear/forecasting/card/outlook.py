"""The outlook in sentences: what is unusual first, then the direction and how wide the month will be.

An answer is unusual when its interval does not contain the base rate. Only champions can say so: the base rate differs
from itself in no way, whatever its interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bullbear.definitions import UP
from bullbear.wording import chance, interval, listed, percent, points, short_date

Row = Mapping[str, Any]

_CALM, _WILD = 0.8, 1.25
"""Forecast volatility against the usual one, beyond which a month is called calm or wild."""
_REGIMES = {
    "uptrend": "the close is above a rising 200-session average",
    "distribution": "the close is below a 200-session average that still rises",
    "accumulation": "the close is above a 200-session average that still falls",
    "downtrend": "the close is below a falling 200-session average",
}


@dataclass(frozen=True)
class OutlookSays:
    """The outlook of an entry in words; what it does not know is empty.

    `unusual` has a sentence for each unusual answer besides that of `up`, the most unusual first; `usual` and
    `base_rates` name the other questions with their answers, in one line each; `normal` says how far nothing differs
    from usual, where nothing but the direction does.
    """

    unusual: tuple[str, ...]
    usual: str
    base_rates: str
    normal: str
    direction: tuple[str, ...]
    width: str
    regime: str


def outlook_says(entry: Mapping[str, Any]) -> OutlookSays:
    """The sentences about an entry; those about the outlook are empty for an entry of the versions without one."""
    rows = others(entry)
    unusual = unusual_rows(entry)
    usual = [row for row in rows if row["model"] is not None and row not in unusual]
    alone = [row for row in rows if row["model"] is None]
    return OutlookSays(
        unusual=tuple(f"{stated(row)}: {_against(row)}{_skill(row)}" for row in unusual),
        usual=_named("As usual", usual),
        base_rates=_named("Base rates alone, for want of a champion", alone),
        normal="" if unusual or not rows else _normal(entry, usual, alone),
        direction=_direction(entry),
        width=width_of(entry.get("distribution")),
        regime=_regime(entry.get("regime")),
    )


def others(entry: Mapping[str, Any]) -> list[Row]:
    """The rows of the outlook besides `up`."""
    return [row for row in entry.get("outlook", ()) if row["question"] != UP.name]


def unusual_rows(entry: Mapping[str, Any]) -> list[Row]:
    """Those that are unusual, the most unusual first."""
    return sorted(filter(is_unusual, others(entry)), key=lambda row: -abs(surprise(row)))


def is_unusual(row: Row) -> bool:
    """Whether a champion's interval does not contain the base rate."""
    return row.get("model") is not None and _excludes_base_rate(row)


def _excludes_base_rate(row: Row) -> bool:
    low, high = row["p_low"], row["p_high"]
    return low is not None and high is not None and not low <= row["climatology"] <= high


def surprise(row: Row) -> float:
    """Log-odds of a probability less those of its base rate."""
    return log_odds(row["p"]) - log_odds(row["climatology"])


def log_odds(p: float) -> float:
    """Finite at 0 and 1, too."""
    p = min(max(p, 1e-6), 1.0 - 1e-6)
    return math.log(p / (1.0 - p))


def stated(row: Row) -> str:
    """What a question asks, without its full stop; the horizon too, where it is another than that of `up`."""
    said, horizon = str(row["statement"]).removesuffix("."), row.get("horizon_sessions", UP.horizon)
    return said if f"{horizon} sessions" in said else f"{said}{_over(row)}"


def _over(row: Row) -> str:
    horizon = row.get("horizon_sessions", UP.horizon)
    return "" if horizon == UP.horizon else f" over {horizon} sessions"


def has_unusual_direction(entry: Mapping[str, Any]) -> bool:
    """Whether the interval of P(up) does not contain the base rate."""
    return _excludes_base_rate(entry)


def regime_meaning(name: str | None) -> str:
    """What the regime says of the close and its 200-session average; "" for one of another kind."""
    return _REGIMES.get(name or "", "")


def is_normal(entry: Mapping[str, Any]) -> bool:
    """Whether champions answer all questions besides `up`, at least one, and nothing is unusual."""
    rows = others(entry)
    known = bool(rows) and all(row["model"] is not None for row in rows)
    return known and not unusual_rows(entry) and not has_unusual_direction(entry)


def is_calm(entry: Mapping[str, Any]) -> bool | None:
    """Whether the month is forecast to be calm (True) or wild (False); None for neither, or where it is unknown."""
    found = entry.get("distribution") or {}
    usual, expected = found.get("volatility_climatology"), found.get("volatility")
    if not usual or not expected or _CALM < expected / usual < _WILD:
        return None
    return bool(expected < usual)


def headline(entry: Mapping[str, Any]) -> str:
    """What is unusual, in one sentence; "" where nothing is, the direction included."""
    rows, parts = unusual_rows(entry), list[str]()
    if not rows and not has_unusual_direction(entry):
        return ""
    calm, found = is_calm(entry), entry.get("distribution") or {}
    volatility = next((row for row in rows if _is_of_volatility(row)), None)
    if volatility is not None and calm is not None and calm == (surprise(volatility) < 0.0):
        parts.append(
            f"{'calm' if calm else 'wild'}, with a volatility of {percent(found['volatility'], 0)} a year where "
            f"{percent(found['volatility_climatology'], 0)} are usual"
        )
        rows = [row for row in rows if not _is_of_volatility(row)]
    if rows:
        row = max(rows, key=lambda each: abs(surprise(each)))
        parts.append(f"“{stated(row)}” has a chance of {_against(row)}")
    if has_unusual_direction(entry):
        parts.append(f"a rise has a chance of {percent(entry['p_up'])}, usually {percent(entry['climatology'])}")
    if parts[0].startswith(("calm", "wild")):
        return f"The month is expected to be {'; '.join(parts)}."
    return f"Unusual: {'; '.join(parts)}."


def _is_of_volatility(row: Row) -> bool:
    return "volatility" in str(row["statement"]).lower()


def _against(row: Row) -> str:
    return f"{chance(row['p'])}, usually {chance(row['climatology'])}"


def _skill(row: Row) -> str:
    if any(row.get(name) is None for name in ("skill", "skill_low", "skill_high")):
        return ""
    ends = interval(row["skill_low"], row["skill_high"], 0, signed=True)
    return f" (skill {percent(row['skill'], 0, signed=True)}, 90 % interval {ends})"


def _beside_usual(row: Row) -> str:
    p, usual = chance(row["p"]), chance(row["climatology"])
    return p if p == usual else f"{p} (usually {usual})"


def _named(lead: str, rows: Sequence[Row]) -> str:
    answers = ", ".join(f"{row['question']}{_over(row)} {_beside_usual(row)}" for row in rows)
    return f"{lead}: {answers}." if rows else ""


def _normal(entry: Mapping[str, Any], usual: Sequence[Row], alone: Sequence[Row]) -> str:
    if not usual:
        return "No other question has a champion: nothing is known beyond the base rates."
    if alone:
        return "Nothing differs from usual in the other questions that have a champion."
    if is_normal(entry):
        return "Nothing differs from usual: the outlook is that of a normal month."
    return "Nothing but the direction differs from usual."


def _direction(entry: Mapping[str, Any]) -> tuple[str, ...]:
    p, usual, low, high = (entry[name] for name in ("p_up", "climatology", "p_low", "p_high"))
    within = "no interval" if low is None or high is None else f"90 % interval {interval(low, high)}"
    said = (
        f"P(up over {entry['horizon_sessions']} sessions, to {short_date(entry['resolves_on'])}): {percent(p)}, "
        f"usually {percent(usual)}; {within}."
    )
    if has_unusual_direction(entry):
        side = "above" if p > usual else "below"
        return said, f"That is {points(p - usual, 1)} {side} the base rate, which lies outside the interval."
    if percent(p) == percent(usual):
        return said, "No evidence against the base rate: nothing is known about the direction."
    side = "above" if p > usual else "below"
    judged = (
        "there is no interval to judge that by"
        if low is None or high is None
        else ("the interval holds the base rate, so the difference may be chance")
    )
    return said, f"That is {points(p - usual, 1)} {side} the base rate; {judged}."


def _regime(name: str | None) -> str:
    meaning = regime_meaning(name)
    return f"Regime: {name} ({meaning})." if meaning else f"Regime: {name}."


def width_of(found: Mapping[str, Any] | None) -> str:
    """The distribution of the return in one sentence; "" where there is none."""
    if not found:
        return ""
    usual = found["volatility_climatology"]
    said = f"Volatility {percent(found['volatility'], 0)} a year"
    said += "" if usual is None else f", usually {percent(usual, 0)}"
    low, high = (found["quantiles"].get(level) for level in ("0.05", "0.95"))
    if low is not None and high is not None:
        ends = listed([percent(low, signed=True), percent(high, signed=True)])
        said += f"; in nine cases of ten the return lies between {ends}"
    return f"{said}."
