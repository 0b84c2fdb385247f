"""The count of tries depends on what was seen, not on when or how often."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.trials.trials import swept, training

from bullbear.trials import Trial, tries_on

HASHES = st.sampled_from("abcd")
TRIALS = st.one_of(
    st.builds(
        lambda definition, start, question, counts: training(definition, start=start, question=question, counts=counts),
        HASHES,
        st.sampled_from([None, "2004-01-02"]),
        st.sampled_from(["up", "dip5"]),
        st.booleans(),
    ),
    st.builds(
        lambda definition, ratios: swept(definition, **ratios),
        HASHES,
        st.dictionaries(st.sampled_from("xyz"), st.one_of(st.none(), st.floats(-2, 2)), min_size=1),
    ),
)


def in_time(trials: list[Trial]) -> list[Trial]:
    return [replace(trial, at=f"2026-01-01T00:00:{place:02}.000Z") for place, trial in enumerate(trials)]


@given(st.lists(TRIALS, max_size=12), st.data())
def test_any_order_and_any_repetition_gives_the_same_count(trials: list[Trial], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(trials), max_size=8)) if trials else []
    shuffled = data.draw(st.permutations([*trials, *again]))
    first, second = tries_on(in_time(trials), "up", "real"), tries_on(in_time(shuffled), "up", "real")
    assert first.models.keys() == second.models.keys()
    assert first.variants.keys() == second.variants.keys()
    # The plain count beside it.
    assert len(first.models) == len(
        {(t.definition_hash, t.start, t.end) for t in trials if t.what == "train" and t.counts and t.question == "up"}
    )


def test_the_newest_of_equal_trainings_stands_for_them_unless_its_forecasts_are_gone() -> None:
    kept = training(run_id="kept", forecasts="f" * 64, at="2026-01-01")
    without = training(run_id="without", at="2026-01-02")
    newest = training(run_id="newest", forecasts="e" * 64, at="2026-01-03")
    (model,) = tries_on([without, kept], "up", "real").models.values()
    assert model.run_id == "kept"
    (model,) = tries_on([newest, without, kept], "up", "real").models.values()
    assert model.run_id == "newest"
    assert tries_on([newest, kept], "up", "real").first_seen == {newest.identity: "2026-01-01"}


def test_variants_count_by_model_and_policy_and_a_known_ratio_stays() -> None:
    trials = in_time([swept("a", x=0.5), swept("a", x=None), swept("b", x=0.25), training("a", sharpe=0.1)])
    tries = tries_on(trials, "up", "real")
    a, b = trials[0].identity, trials[2].identity
    assert dict(tries.variants) == {(a, "x"): 0.5, (b, "x"): 0.25}
    assert tries.variants_besides(a, {"x"}) == [0.25]
    assert tries.variants_besides(a, {"y"}) == [0.5, 0.25]
    assert sorted(tries.sharpes) == [0.1, 0.25, 0.5]
    assert tries.others(a) == []


def test_real_and_simulated_markets_are_counted_apart() -> None:
    trials = [training("a"), training("b", data="SIMULATED"), training("c", data=None)]
    assert [len(tries_on(trials, "up", data).models) for data in ("real", "SIMULATED", None)] == [1, 1, 1]
