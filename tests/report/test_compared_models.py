"""The page that compares the models tried on a question."""

from __future__ import annotations

import re

from bullbear.evaluate.scored_model import ScoredModel
from bullbear.report.compared_models import MOST, comparison_page


def model(name: str, bss: float, *, this: bool = False, verdict: str = "not judged") -> ScoredModel:
    return ScoredModel(name, f"{name}-id", bss, bss - 0.01, bss + 0.02, bss / 2, verdict, is_this=this)


def names(page: str) -> list[str]:
    return re.findall(r"<tr(?: class=this)?><td>(\S+) ", page)


def test_the_best_comes_first_and_the_sentence_is_about_the_run() -> None:
    rows = [model("b", 0.001, this=True, verdict="refused: too little"), model("a", 0.05), model("c", -0.04)]
    page = comparison_page({"up": rows}, simulated=False)
    assert names(page) == ["a", "b", "c"]
    sentence = "b: Brier skill +0.10% (-0.90% to +2.10%), not distinguishable from the base rate; refused: too little."
    assert f"<p>{sentence}</p>" in page
    assert "SIMULATED" not in page


def test_the_sentence_says_on_which_side_of_the_base_rate_the_interval_lies() -> None:
    assert "above the base rate by more than chance" in model("a", 0.05).sentence()
    assert "worse than the base rate" in model("a", -0.05).sentence()
    assert ScoredModel("a", "", 0.05, None, None, None).sentence() == "a: Brier skill +5.00%; not judged."


def test_a_tuned_model_is_told_from_the_same_model_with_the_parameters_of_its_file() -> None:
    tuned = ScoredModel("line", "0f" * 16, 0.05, None, None, None, trials=1200)
    page = comparison_page({"up": [model("line", 0.1, this=True), tuned]}, simulated=False)
    assert re.findall(r"<td>(line [^<]*)<", page) == ["line line-id", "line 0f0f0f0f, tuned in 1,200 trials"]


def test_points_and_intervals_stand_where_their_skills_are() -> None:
    page = comparison_page({"up": [model("a", 0.1), model("b", 0.0, this=True)]}, simulated=False)
    (zero, *_), points = re.findall(r'x1="([\d.]+)"', page), re.findall(r'cx="([\d.]+)"', page)
    assert points[1] == zero
    assert float(points[0]) > float(zero)


def test_many_models_are_cut_but_never_the_run_itself() -> None:
    rows = [model(f"m{number}", 0.1 - number / 1000) for number in range(MOST + 5)]
    page = comparison_page({"up": [*rows, model("last", -0.5, this=True)]}, simulated=True)
    assert len(names(page)) == MOST + 1
    assert names(page)[-1] == "last"
    assert "<p>5 more models, of less skill, are not shown.</p>" in page
    assert "SIMULATED market" in page


def test_names_and_verdicts_are_escaped_and_undetermined_skill_is_no_point() -> None:
    page = comparison_page(
        {"<q>": [ScoredModel("<b>", "", float("nan"), None, None, None, 'refused: "<i>"', is_this=True)]},
        simulated=False,
    )
    assert "<b>" not in page.replace("<body>", "")
    assert "<i>" not in page
    assert "<circle" not in page
