"""A model of another question than `up`: trained and evaluated on its own labels, without positions."""

from __future__ import annotations

import pytest

from bullbear.definitions import Target
from bullbear.errors import GateError
from bullbear.home import Home


def ask(home: Home, question: str) -> None:
    path = home.root / "models" / "base.toml"
    path.write_text(f'questions = ["{question}"]\n' + path.read_text())


def test_a_dip_is_trained_and_evaluated_and_holds_no_positions(home: Home) -> None:
    from bullbear.dataset import resolve
    from bullbear.tracking import Runs
    from bullbear.workflows.backtesting import backtest_run
    from bullbear.workflows.comparison import oracle_share
    from bullbear.workflows.promotion import promote_run
    from bullbear.workflows.training import train_model

    ask(home, "dip5")
    trained = train_model(home, "base")
    assert trained.first.backtest is None
    question = home.questions()["dip5"]
    labels = resolve(home.store().as_of(), Target(question=question), final=True)
    table = trained.first.training.predictions.table
    expected = labels.set_index("decided_at")["y"].reindex(table["decided_at"])
    assert table["y"].tolist()[:500] == expected.tolist()[:500]
    assert 0.05 < table["climatology"].mean() < 0.5
    runs = Runs(home)
    run = runs.find(trained.run_id)
    assert run.simulated
    share = oracle_share(home, run)
    assert share is not None
    assert share.oracle_bss > 0.0 < share.truth_error < 0.01
    refusal = r"refused by the question test: base .* answers the question dip5, the policy acts on up"
    before = home.champion.resolve()
    assert promote_run(home, runs, run).tests == ()  # the base rate needs no evidence
    assert runs.find("champion", "dip5").run_id == run.run_id
    assert home.champion.resolve() == before
    with pytest.raises(GateError, match=refusal):
        backtest_run(home, run)


def test_the_sign_of_a_factor_turns_with_the_question(home: Home) -> None:
    from bullbear.dataset import build, splitter_of
    from bullbear.learn.fitting import prepared, training_sets

    signs = {}
    for question in ("up", "dip5", "vol20"):
        model = home.model("small")
        target = Target(question=home.questions()[question])
        sets = [each.model_copy(update={"factor": tuple(f.model_copy(update={"sign": 1}) for f in each.factor)})
                for each in model.feature_sets]  # fmt: skip
        examples = build(home.store().as_of(), sets, target)
        definition = model.definition.model_copy(update={"questions": (target.question,)})
        task = prepared(definition, sets, [examples])
        (fold, *_) = splitter_of(definition).folds(examples)
        (seen,) = training_sets(task, task.members[0], {0: fold})
        signs[question] = seen.signs
    assert signs == {"up": (1, 1), "dip5": (-1, -1), "vol20": (0, 0)}
