"""One page on all models tried on a question: skill with its interval, one line each, and the verdict in a sentence.

A self-contained HTML file without scripts, small enough to be kept with every run. All text is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from bullbear.evaluate.scored_model import ScoredModel

MOST = 40
"""Models shown of a question, the best first."""
_WIDTH, _ROW = 420, 26
_STYLE = """body{font:15px/1.45 system-ui,sans-serif;margin:24px;max-width:1100px;color:#222}
table{border-collapse:collapse;width:100%}td,th{padding:2px 10px;text-align:left;border-bottom:1px solid #e6e6e6}
td{vertical-align:middle}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}tr.this{font-weight:600}
.simulated{color:#d55e00;font-weight:600}svg{display:block}"""


def comparison_page(questions: Mapping[str, Sequence[ScoredModel]], *, simulated: bool) -> str:
    """The page; by question, each with at least the model that it was made for (`is_this`)."""
    warning = (
        "<p class=simulated>SIMULATED market: nothing here says anything about real prices.</p>" if simulated else ""
    )
    parts = "".join(_question(name, rows) for name, rows in questions.items())
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Models compared</title><style>{_STYLE}</style>"
        f"<body><h1>Models compared</h1>{warning}{parts}</body></html>"
    )


def _question(name: str, rows: Sequence[ScoredModel]) -> str:
    ordered = sorted(rows, key=lambda row: row.bss if math.isfinite(row.bss) else -math.inf, reverse=True)
    shown = [row for place, row in enumerate(ordered) if place < MOST or row.is_this]
    left = (
        f"<p>{len(rows) - len(shown)} more models, of less skill, are not shown.</p>" if len(shown) < len(rows) else ""
    )
    said = "".join(f"<p>{escape(row.sentence())}</p>" for row in rows if row.is_this)
    ends = [end for row in shown for end in (row.bss, row.low, row.high) if end is not None and math.isfinite(end)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    pad = (high - low or 0.01) * 0.05
    body = "".join(_row(row, low - pad, high + pad) for row in shown)
    return (
        f"<h2>{escape(name)}</h2>{said}<table><tr><th>model<th class=n>Brier skill<th class=n>90 % interval"
        f"<th>against the base rate (line at 0)<th class=n>log-loss skill<th>verdict</tr>{body}</table>{left}"
    )


def _row(row: ScoredModel, low: float, high: float) -> str:
    def x(value: float) -> float:
        return round((value - low) / (high - low) * _WIDTH, 1)

    interval, bar = "", ""
    if row.low is not None and row.high is not None:
        interval = f"{row.low:+.2%} to {row.high:+.2%}"
        bar = f'<line x1="{x(row.low)}" x2="{x(row.high)}" y1="13" y2="13" stroke="#0072b2" stroke-width="3"/>'
    colour = "#d55e00" if row.is_this else "#0072b2"
    point = f'<circle cx="{x(row.bss)}" cy="13" r="5" fill="{colour}"/>' if math.isfinite(row.bss) else ""
    picture = (
        f'<svg width="{_WIDTH}" height="{_ROW}" role="img" aria-label="{escape(interval)}">'
        f'<line x1="{x(0.0)}" x2="{x(0.0)}" y1="0" y2="{_ROW}" stroke="#999" stroke-dasharray="3 2"/>{bar}{point}</svg>'
    )
    logarithmic = "" if row.log_loss_skill is None else f"{row.log_loss_skill:+.2%}"
    return (
        f"<tr{' class=this' if row.is_this else ''}><td>{escape(row.label)}"
        f"<td class=n>{row.bss:+.2%}<td class=n>{interval}<td>{picture}<td class=n>{logarithmic}"
        f'<td title="{escape(row.verdict)}">{escape(row.verdict.split(":")[0])}</tr>'
    )
