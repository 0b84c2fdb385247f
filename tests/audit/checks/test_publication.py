"""What the publication check says of skills: per cent, one figure for each way of reading the data."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from bullbear.audit.checks import publication
from bullbear.audit.retraining import skill_and_difference
from bullbear.evaluate.sample import Sample
from bullbear.statistics.bootstrap import resample

FIGURES: dict[str, Any] = {
    "skill": [0.345, 0.1, 1.0],
    "skill_a_release_later": [0.348, 0.1, 1.0],
    "lost_a_release_later": [-0.003, -0.01, 0.01],
}


def test_the_sentence_tells_which_skill_is_which() -> None:
    latest = {"skill_on_latest_revisions": [0.36, 0.1, 1.0]}
    (said,) = publication._told({"vol30": FIGURES | latest})
    assert said == "Brier skill of vol30 +34.5 %; a release later +34.8 %; on latest revisions +36.0 %"


def test_an_unknown_skill_is_not_the_best() -> None:
    unknown = [float("nan")] * 3
    nothing = {name: unknown for name in FIGURES}
    (said,) = publication._told({"fall5": nothing, "up": FIGURES})
    assert said.startswith("Brier skill of up ")


def test_one_factor_is_singular() -> None:
    assert publication._shown(1) == "1 factor shows"
    assert publication._shown(12) == "12 factors show"


def test_no_interval_of_a_skill_reaches_beyond_one() -> None:
    y = (np.arange(240) % 40 < 20).astype(float)
    p = np.where(np.arange(240) < 21, 1.0 - y, y)  # wrong in one month, right in all others
    draws = resample(240, 21)
    one = SimpleNamespace(y=y, p=p, climatology=np.full(240, 0.5), n_sessions=draws.rows, horizon=21, session=None)
    plain = draws.ratio(np.column_stack([(y - p) ** 2, (y - 0.5) ** 2]), lambda means: 1.0 - means[:, 0] / means[:, 1])
    assert plain.high > 1.0
    first, second, _ = skill_and_difference(cast(Sample, one), cast(Sample, one))
    assert first == second
    assert first[0] == plain.estimate
    assert first[2] == 1.0
