"""What moves P(up), in words: the entry's drivers with the names and values that the reasons of a change have, too.

Light to import: the card of an entry alone is printed with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bullbear.errors import BullbearError

if TYPE_CHECKING:
    from bullbear.definitions import FactorSpec
    from bullbear.forecasting.card.sources import Sources

Movers = list[dict[str, Any]]


def movers_of(sources: Sources) -> Movers:
    """The key `movers`: `factor`, its `label` and `value` in words, and by how many `points` it moves P(up), about."""
    from bullbear.forecasting.card.factor_words import label_of, value_of

    entry, specs = sources.entry, _specs(sources)
    words = {
        name: (label_of(specs[name], entry["ticker"]), value_of(specs[name], driver["value"]))
        for driver in entry["drivers"]
        if (name := driver["factor"]) in specs
    }
    return movers_in(entry, words)


def movers_in(entry: Mapping[str, Any], words: Mapping[str, tuple[str, str]]) -> Movers:
    """The same of an entry alone; a factor without `words` goes by its name."""
    a_unit = 100.0 * entry["p_up"] * (1.0 - entry["p_up"])  # of log-odds is worth so many points here
    found = []
    for driver in entry["drivers"]:
        name, value = driver["factor"], driver["value"]
        plain = name.replace("_", " "), "unknown" if value is None else f"{value:.3g}"
        label, told = words.get(name, plain)
        found.append({"factor": name, "label": label, "value": told, "points": a_unit * driver["contribution"]})
    return found


def _specs(sources: Sources) -> dict[str, FactorSpec]:
    """Of the champion that made the forecast, by name; none where another one is champion by now."""
    if not sources.entry["drivers"]:
        return {}
    try:
        bundle = sources.champion("up")
        if bundle.meta["run_id"] != sources.entry["model"]["run_id"]:
            return {}
        return {spec.name: spec for spec in bundle.factors()}
    except BullbearError:
        return {}
