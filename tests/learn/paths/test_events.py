"""Events of marginals against the answers that questions give on closes."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullbear.definitions.questions import QUESTION_KINDS
from bullbear.errors import DefinitionError
from bullbear.learn.paths.events import event_of, marginals_of

KINDS = {
    "return_above": st.floats(-0.3, 0.3),
    "return_below": st.floats(-0.3, 0.3),
    "dip": st.floats(-0.3, -0.001),
    "rally": st.floats(0.001, 0.3),
    "move": st.floats(0.001, 0.3),
    "volatility": st.floats(0.01, 1.0),
}


def test_marginals_by_hand() -> None:
    # Three sessions: up 2 %, down 5 %, up 1 %; another that only falls, one that stands still.
    found = marginals_of(np.array([[0.02, -0.05, 0.01], [-0.01, -0.01, -0.01], [0.0, 0.0, 0.0]]))
    np.testing.assert_allclose(found["end"], [-0.02, -0.03, 0.0], atol=1e-15)
    np.testing.assert_allclose(found["lowest"], [-0.03, -0.03, 0.0], atol=1e-15)
    np.testing.assert_allclose(found["highest"], [0.02, -0.01, 0.0], atol=1e-15)
    np.testing.assert_allclose(found["volatility"] ** 2, [252 * 0.0030 / 3, 252 * 0.0003 / 3, 0.0])


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_an_event_is_what_the_question_answers_on_closes(kind: str, data: st.DataObject) -> None:
    threshold = data.draw(KINDS[kind])
    question = QUESTION_KINDS.read({"name": "mine", "kind": kind, "threshold": threshold, "sentence": "A sentence."})
    returns = np.random.default_rng(data.draw(st.integers(0, 99))).normal(0, 0.03, (50, 21))
    closes = 50.0 * np.exp(np.column_stack([np.zeros(50), np.cumsum(returns, axis=1)]))
    event = event_of(question)
    share = event.share(marginals_of(returns)[event.marginal])
    assert share == np.mean(question.answer(question.outcome(closes)))


@pytest.mark.parametrize(("kind", "threshold", "share"), [("dip", -0.05, 1.0), ("return_below", -0.05, 0.0)])
def test_a_value_at_the_bound(kind: str, threshold: float, share: float) -> None:
    question = QUESTION_KINDS.read({"name": "mine", "kind": kind, "threshold": threshold, "sentence": "A sentence."})
    assert event_of(question).share(np.log1p(np.array([threshold]))) == share


def test_a_question_of_another_kind_is_refused() -> None:
    with pytest.raises(DefinitionError, match=r"question odd \(kind\).*got 'gap'.*dip, rally, move or volatility"):
        event_of(SimpleNamespace(name="odd", kind="gap", threshold=0.1))  # type: ignore[arg-type]
