"""The subject of an audit: the abridged model, and its trainings on other examples."""

from __future__ import annotations

import pickle

import pandas as pd

from bullbear.audit.changes import Noise
from bullbear.audit.subject import FULL, QUICK, Subject
from bullbear.dataset import splitter_of


def test_the_abridged_model_is_fitted_once_a_year_over_the_last_years(trained: Subject) -> None:
    whole, quick = trained.abridged(FULL), trained.abridged(QUICK)
    assert whole.start == trained.start
    assert splitter_of(whole.definition).refit == "year"  # type: ignore[attr-defined]
    assert pd.Timestamp(quick.start) == trained.index[-1] - pd.DateOffset(years=3)
    (full,), (short,) = whole.train(), quick.train()
    fits = pd.DatetimeIndex([model.trained_through for model in full.models])
    assert fits.year.is_unique
    assert len(short.models) < len(full.models)
    # The quick one reports the last days of the other.
    both = full.predictions.table.merge(short.predictions.table, on="decided_at", suffixes=("", "_short"))
    assert len(both) == len(short.predictions.table) > 500


def test_examples_of_a_changed_store_are_those_of_its_past(trained: Subject) -> None:
    cut = trained.examples[0].decided_at[900]
    (own,), (other,) = trained.examples, trained.examples_from(trained.changed(Noise(cut)))
    assert own.X.iloc[:901].equals(other.X.iloc[:901])
    assert not own.X.iloc[901:].equals(other.X.iloc[901:])


def test_a_worker_gets_what_was_computed_without_the_open_store(trained: Subject) -> None:
    assert trained.view is trained.view
    again = pickle.loads(pickle.dumps(trained))
    assert "view" not in vars(again)
    assert again.examples[0].fingerprint == trained.examples[0].fingerprint
    assert again.index.equals(trained.index)
    assert again.view.last_known_at == trained.view.last_known_at
