"""Entries of a forecast built from drawn parts, for the tests of what a card says about them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

STATEMENTS = {
    "dip5": "A close 5 % or more below today's within the month.",
    "fall5": "The month ends more than 5 % lower.",
    "vol20": "Realised volatility over the month is more than 20 % a year.",
}
PRICE = 126.0
PROBABILITY = st.floats(0.001, 0.999)
REASONS = ("a volatility of 24.6 % a year against a target of 15 % makes 61.0 % of equity", "a support is broken")


@st.composite
def row(draw: st.DrawFn, question: str, statement: str) -> dict[str, Any]:
    p, base, model = draw(PROBABILITY), draw(PROBABILITY), draw(st.sampled_from([None, "outlook"]))
    if draw(st.booleans()):
        base = p
    half = draw(st.floats(0.0, 0.2))
    known = model is not None and draw(st.booleans())
    skill = {"skill": 0.07, "skill_low": 0.02, "skill_high": 0.13} if known else dict.fromkeys(
        ("skill", "skill_low", "skill_high")
    )  # fmt: skip
    return {"question": question, "statement": statement, "p": p, "p_low": max(0.0, p - half),
            "p_high": min(1.0, p + half), "climatology": base, "model": model,
            "run_id": None if model is None else "ab12", **skill}  # fmt: skip


@st.composite
def level(draw: st.DrawFn, ticker: str, sleeve: str, agent: str) -> dict[str, Any]:
    return {"ticker": ticker, "sleeve": sleeve, "agent": agent, "level": draw(st.sampled_from([101.0, 151.0])),
            "atr": 2.0, "multiple": 3.0, "side": draw(st.sampled_from(["exit", "reentry"])),
            "resting": draw(st.booleans())}  # fmt: skip


@st.composite
def entry(draw: st.DrawFn) -> dict[str, Any]:
    """An entry of `up` as the ledger has it, in all that a card reads of it."""
    bull = draw(st.sampled_from([0.0, 0.25, 0.61, 0.99]))
    bear = draw(st.sampled_from([0.0, 0.01 if bull > 0.75 else 0.2]))
    weights = {"IWM": bull, "TWM": bear}
    held = {ticker: draw(st.sampled_from([weight, 0.0, 0.5])) for ticker, weight in weights.items()}
    trades = [
        {"ticker": ticker, "weight_before": held[ticker], "weight_after": weight, "change": weight - held[ticker]}
        for ticker, weight in weights.items()
        if weight != held[ticker]
    ]
    agents = {
        name: {"weight": weights[ticker], "instrument": ticker, "tier": tier, "reasons": list(REASONS[:reasons]),
               "sleeves": [{"name": name, "ticker": ticker, "weight": weights[ticker], "tier": tier}]}
        for name, ticker, tier, reasons in (
            ("bull", "IWM", 0, draw(st.integers(1, 2))),
            ("bear", "TWM", 1 if bear else 0, draw(st.integers(1, 2))),
        )
    }  # fmt: skip
    levels = [
        draw(level(ticker, name, name))
        for name, ticker in (("bull", "IWM"), ("bear", "TWM"))
        if draw(st.booleans())
    ]  # fmt: skip
    outlook = [draw(row(*each)) for each in STATEMENTS.items() if draw(st.booleans())]
    p, base, half = draw(PROBABILITY), draw(PROBABILITY), draw(st.floats(0.0, 0.2))
    fills = [{"ticker": "TWM", "sleeve": "bear", "why": "stop", "price": 12.3, "session": "2018-12-24",
              "weight_before": 0.2, "weight_after": 0.0}] if draw(st.booleans()) else []  # fmt: skip
    return {
        "question": "up",
        "ticker": "IWM",
        "decided_at": "2018-12-24T18:00:00Z",
        "resolves_on": "2019-01-25",
        "horizon_sessions": 21,
        "p_up": p,
        "p_low": max(0.0, p - half),
        "p_high": min(1.0, p + half),
        "climatology": draw(st.sampled_from([p, base])),
        "outlook": outlook,
        "distribution": draw(
            st.none()
            | st.builds(
                lambda now, usual: {"volatility": now, "volatility_climatology": usual,
                                    "quantiles": {"0.05": -0.08, "0.95": 0.07}},
                st.floats(0.05, 0.6), st.none() | st.floats(0.1, 0.3),
            )
        ),
        "regime": "downtrend",
        "agents": agents,
        "positions": {**weights, "CASH": 1.0 - bull - bear},
        "stops": [each for each in levels if each["side"] == "exit"],
        "reentries": [each for each in levels if each["side"] == "reentry"],
        "triggers": [],
        "trend": draw(
            st.none()
            | st.builds(
                lambda changed: {"name": "breakdown", "since": "2018-12-24", "reason": "the support 131.15 broke",
                                 "changed": changed},
                st.booleans(),
            )
        ),
        "account": {
            "kind": "hypothetical",
            "trades": trades,
            "book": {"equity": 1.8},
            "since": {"session": "2018-12-21", "equity": 1.8, "return": 0.0, "profit": {"total": 0.0}, "orders": [],
                      "fills": fills},
        },
        "drivers": [],
        "model": {"name": "climatology", "run_id": "c605c9e6", "trained_through": "2018-11-30", "age_sessions": 15,
                  "refit_overdue_sessions": draw(st.sampled_from([0, 0, 3]))},
        "data": {"fingerprint": "663b0401cebb", "last_known_at": "2018-12-24T18:00:00Z", "simulated": False,
                 "stale": draw(st.sampled_from([[], [], ["short interest of IWM"]])), "sessions_behind": 0},
        "ledger": {"index": 8, "hash": "3dab28c29db7"},
        "kind": "replay",
        "issued_at": "2026-11-27T15:16:20Z",
    }  # fmt: skip
