"""Fetches that are killed, and fetches that run at once: nothing half written, lost or doubled."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from bullbear.data.fetching import fetch_all
from bullbear.data.segments import KINDS
from bullbear.data.store import Store
from bullbear.files import STAGING

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from bullbear.settings import Settings

# Forks a fetch, kills it after a while, and says what the store then holds; a fork spares the seconds of an import.
KILLER = """
import json, os, random, signal, sys, time
from pathlib import Path
import pandas as pd
from bullbear.data.fetching import fetch_all
from bullbear.data.segments import KINDS
from bullbear.data.store import Store
from bullbear.settings import Settings

settings, root, now, kills, seed, duration = sys.argv[1:]
settings, now = Settings.model_validate_json(settings, strict=False), pd.Timestamp(now)
pd.read_parquet(Path(root) / "warm.parquet")
dice, place = random.Random(int(seed)), 0
for number in range(int(kills)):
    folder = Path(root) / f"store{place}"
    child = os.fork()
    if child == 0:
        report = fetch_all(Store(folder), settings, now)
        os._exit(1 if report.failures else 0)
    time.sleep(dice.uniform(0, float(duration)))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    view = Store(folder).as_of()
    rows = {kind: len(view._all(kind, KINDS[kind].key)) for kind in KINDS}
    print(json.dumps({"store": place, "finished": os.WIFEXITED(status), "rows": rows}), flush=True)
    place += os.WIFEXITED(status) or number % 5 == 4
"""

TWO = """
import sys
import pandas as pd
from pathlib import Path
from bullbear.data.fetching import fetch_all
from bullbear.data.store import Store
from bullbear.settings import Settings
settings = Settings.model_validate_json(sys.argv[1], strict=False)
report = fetch_all(Store(Path(sys.argv[2])), settings, pd.Timestamp(sys.argv[3]))
sys.exit(bool(report.failures))
"""


def rows_of(store: Store) -> dict[str, pd.DataFrame]:
    """All rows on disk, doubled ones too, whenever they were stored."""
    found = {}
    for kind, layout in KINDS.items():
        parts = [pd.read_parquet(path) for path in sorted((store.root / kind).glob("[0-9]*.parquet"))]
        rows = pd.concat(parts)[layout.columns] if parts else pd.DataFrame(columns=layout.columns)
        found[kind] = rows.sort_values(layout.key, ignore_index=True)
    return found


def kill(world: Any, settings: Settings, folder: Path, kills: int, seed: int) -> None:
    whole = Store(folder / "whole")
    began = time.monotonic()
    assert not fetch_all(whole, settings, world.instant).failures
    duration = 1.2 * (time.monotonic() - began)
    expected = rows_of(whole)
    expected["bars"].to_parquet(folder / "warm.parquet")
    arguments = [settings.model_dump_json(), str(folder), world.instant.isoformat(), str(kills), str(seed)]
    done = subprocess.run(
        [sys.executable, "-c", KILLER, *arguments, str(duration)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == kills
    for before, after in itertools.pairwise(told):
        if before["store"] == after["store"]:
            assert all(after["rows"][kind] >= count for kind, count in before["rows"].items())
    for place in sorted({each["store"] for each in told}):
        store = Store(folder / f"store{place}")
        for kind, rows in rows_of(store).items():
            both = rows.merge(expected[kind], how="left", indicator=True)
            assert (both["_merge"] == "both").all(), kind
        assert not fetch_all(store, settings, world.instant).failures
        for kind, rows in rows_of(store).items():
            pd.testing.assert_frame_equal(rows.drop_duplicates(ignore_index=True), expected[kind], check_dtype=False)
        assert not list(store.root.glob(f"*/{STAGING}*"))


def test_killed_at_random_points(world: Any, settings: Settings, tmp_path: Path) -> None:
    kill(world, settings, tmp_path, kills=4, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_at_two_hundred_random_points(world: Any, settings: Settings, tmp_path: Path) -> None:
    kill(world, settings, tmp_path, kills=200, seed=2)


def test_two_fetches_at_once_double_nothing(world: Any, settings: Settings, tmp_path: Path) -> None:
    whole = Store(tmp_path / "whole")
    fetch_all(whole, settings, world.instant)
    world.slow = 0.02
    command = [sys.executable, "-c", TWO, settings.model_dump_json(), str(tmp_path / "data"), world.instant.isoformat()]
    running = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    for kind, rows in rows_of(Store(tmp_path / "data")).items():
        pd.testing.assert_frame_equal(rows, rows_of(whole)[kind])
