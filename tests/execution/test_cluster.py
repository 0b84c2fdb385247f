"""A real Dask scheduler with two worker processes on 127.0.0.1."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from socket import gethostname
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bullbear.errors import ExecutionError, ItemError, MissingExtraError
from bullbear.execution import Cluster, Kept, Local, map_items
from bullbear.execution.environment import environment

Calls = Callable[[], list[int]]


@pytest.fixture
def executor(cluster: Any) -> Cluster:
    return Cluster(cluster.scheduler_address)


def test_a_cluster_gives_the_same_bits_as_this_process(executor: Cluster, work: ModuleType) -> None:
    shared = {"X": np.random.default_rng(3).normal(size=(40, 30))}
    items = list(range(40))
    local = map_items(work.weigh, shared, items)
    assert map_items(work.weigh, shared, items, executor=executor, weight=lambda item: item % 5) == local
    assert map_items(work.weigh, shared, items, executor=Local(2)) == local


def test_what_is_shared_is_sent_once_to_each_worker(executor: Cluster, work: ModuleType, tmp_path: Path) -> None:
    log = tmp_path / "unpickled"
    pids = map_items(work.touch, {"counted": work.Counted(str(log))}, list(range(30)), executor=executor)
    assert len(set(pids)) == 2
    assert sorted(log.read_text().split()) == sorted({str(pid) for pid in pids})


def test_a_failed_item_is_named_and_a_second_call_does_only_what_is_missing(
    executor: Cluster, work: ModuleType, calls: Calls, tmp_path: Path
) -> None:
    kept, shared = tmp_path / "kept", {"log": tmp_path / "log", "fails": 1, "pause": 0.05}
    items = [5, 4, 3, 2, 1]
    with pytest.raises(ItemError, match=r"^1: KeyError: 'no such factor'"):
        map_items(work.log, shared, items, executor=executor, kept=Kept(kept))
    before, finished = len(calls()), len(list(kept.glob("*/*.result")))
    assert finished >= 1
    with pytest.raises(ItemError, match="no such factor"):
        map_items(work.log, shared, items, executor=executor, kept=Kept(kept))
    assert len(calls()) - before <= 5 - finished


def test_cancelling_leaves_nothing_to_the_workers(
    executor: Cluster, work: ModuleType, calls: Calls, tmp_path: Path
) -> None:
    kept, shared = tmp_path / "kept", {"log": tmp_path / "log", "pause": 0.2}

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        map_items(work.log, shared, list(range(20)), executor=executor, kept=Kept(kept), progress=stop)
    time.sleep(1.0)
    begun = len(calls())
    assert 2 <= begun <= 6
    time.sleep(0.6)
    assert len(calls()) == begun
    found = map_items(work.log, shared | {"pause": 0.2}, list(range(20)), executor=executor, kept=Kept(kept))
    assert found == [item * 10 for item in range(20)]
    assert len(calls()) - begun == 18


def test_a_killed_worker_costs_its_item_a_second_try(executor: Cluster, work: ModuleType, tmp_path: Path) -> None:
    shared = {"mark": tmp_path / "mark"}
    assert map_items(work.die_once, shared, [1, 2, 3, 4], executor=executor) == [10, 20, 30, 40]
    assert (tmp_path / "mark").exists()


def test_a_worker_with_other_versions_is_refused_in_one_line(
    executor: Cluster, work: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = environment()
    here = {**ours, "numpy": "1.0.0", "bullbear": "0.0.0 (source 0123456789ab)"}
    monkeypatch.setattr("bullbear.execution.shipping.environment", lambda: here)
    expected = (
        f"--cluster: the worker on {gethostname()} has numpy {ours['numpy']} instead of 1.0.0, bullbear "
        f"{ours['bullbear']} instead of 0.0.0 (source 0123456789ab); install there what runs here and start it again"
    )
    with pytest.raises(ExecutionError, match=f"^{re.escape(expected)}\n"):
        map_items(work.weigh, {"X": np.ones((3, 3))}, [0, 1, 2], executor=executor)


def test_an_address_where_nothing_answers_is_one_line(work: ModuleType) -> None:
    nowhere = Cluster("tcp://127.0.0.1:9", timeout=1.0)
    with pytest.raises(ExecutionError, match=r"^--cluster tcp://127\.0\.0\.1:9: no Dask scheduler with a worker"):
        map_items(work.weigh, {}, [1], executor=nowhere)
    with pytest.raises(ExecutionError, match=r"^--cluster nonsense: no Dask scheduler"):
        map_items(work.weigh, {}, [1], executor=Cluster("nonsense", timeout=1.0))


def test_without_dask_the_extra_is_named(work: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bullbear.extras.find_spec", lambda library: None)
    with pytest.raises(MissingExtraError, match=r"^--cluster needs the extra \[dask\]: pip install"):
        map_items(work.weigh, {}, [1], executor=Cluster("tcp://127.0.0.1:9"))
