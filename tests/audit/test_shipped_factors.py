"""No shipped factor raises a false alarm, on the simulated market and on the real snapshot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bullbear.audit.catalogue import BY_NAME
from bullbear.audit.factors import truncation
from bullbear.audit.subject import QUICK, Subject
from bullbear.data.store import Store
from bullbear.factors import load
from bullbear.home import Home
from bullbear.shipped import FEATURES
from bullbear.workflows.filling import fill_from

ROOT = Path(__file__).resolve().parents[2]


def reading_all(subject: Subject, store: Store) -> Subject:
    """The clean subject, untrained, that reads every shipped factor from a store."""
    sets = [load([ROOT / "features" / f"{name}.toml"])[0] for name in sorted(FEATURES - {"odds"})]
    return replace(subject, store=store, feature_sets=tuple(sets), bundles={})


def assert_no_alarm(subject: Subject) -> None:
    assert len(subject.specs) > 200
    for name in ("perturbation", "warm-up"):
        found = BY_NAME[name].run(subject, QUICK, lambda done, total: None)
        assert not found.has_failed, found.sentence
    some = subject.specs[::7]
    assert truncation(subject.store, some, subject.index, subject.ticker, whole=subject.factors) == []


@pytest.mark.slow
def test_shipped_factors_pass_on_the_simulated_market(trained: Subject) -> None:
    assert_no_alarm(reading_all(trained, trained.store))


@pytest.mark.slow
def test_shipped_factors_pass_on_the_real_snapshot(trained: Subject, snapshot_dir: Path, tmp_path: Path) -> None:
    home = Home(tmp_path)
    fill_from(home, snapshot_dir)
    assert_no_alarm(reading_all(trained, home.filled_store()))
