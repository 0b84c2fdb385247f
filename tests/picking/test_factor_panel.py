"""The factor panel against the same factors decision by decision, and the same bits wherever its parts run."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear import sessions as exchange
from bullbear.data import Store
from bullbear.data.companies.kinds import BUCKETS, bucket
from bullbear.data.reader import Reader
from bullbear.execution import Cluster, Executor, Local
from bullbear.group.membership import Universe
from bullbear.group.screening import screen
from bullbear.group.tickers import Listings
from bullbear.picking import factor_panel as module
from bullbear.picking.digests import DAYS as KEPT_DAYS
from bullbear.picking.factor_panel import RANKED, RAW, FactorPanel, blocks_of, factor_panel
from bullbear.picking.features import values
from bullbear.picking.history import LONGEST_GAP, LOOK_BACK
from bullbear.picking.ranks import percentiles

COMPANIES = tuple(sorted(f"{letter}CO" for letter in "ABCDEFGHIJKL"))
DAYS = exchange.between("2017-09-01", "2019-03-29")
DECISIONS = pd.DatetimeIndex(
    ["2018-10-31", "2018-11-30", "2018-12-31", "2019-01-31", "2019-02-28", "2019-03-29"]
).as_unit("us")
NAMES = ("return_21", "momentum_12_1", "beta_252", "reversal_21", "illiquidity_252")
CORRECTED = pd.Timestamp("2018-12-12 14:00", tz="UTC")
OUTSIDER = "LCO"


def bars(rng: np.random.Generator) -> pd.DataFrame:
    parts = []
    for company in COMPANIES:
        close = 20 * np.cumprod(1 + rng.normal(0, 0.02, len(DAYS)))
        part = pd.DataFrame({"series": company, "event_date": DAYS, "known_at": exchange.closes(DAYS), "close": close})
        volume = rng.lognormal(12, 0.4, len(DAYS)).round()
        part = part.assign(open=close, high=close * 1.01, low=close * 0.99, volume=volume, restated=0.0)
        parts.append(part[rng.random(len(DAYS)) > 0.02])
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Twelve companies of nineteen months; one bar is corrected two weeks later."""
    found = Store(tmp_path_factory.mktemp("companies") / "data")
    rows = bars(np.random.default_rng(1))
    wrong = rows[(rows["series"] == "CCO") & (rows["event_date"] == "2018-11-27")]
    assert len(wrong) == 1
    found.companies.append_all({"bars": rows})
    found.companies.append_all({"bars": wrong.assign(close=wrong["close"] * 1.3, known_at=CORRECTED)})
    split = pd.DataFrame(
        {
            "series": ["DCO"],
            "event_date": [pd.Timestamp("2018-08-01")],
            "known_at": [pd.Timestamp("2018-08-01", tz="UTC")],
        }
    )
    found.companies.append_all({"splits": split.assign(ratio=2.0)})
    return found


@pytest.fixture(scope="module")
def universe() -> Universe:
    """All but one, two lists."""
    return _lists(("2018-09-28", COMPANIES[:9]), ("2018-12-14", COMPANIES[2:-1]), ("2019-03-08", COMPANIES[:-1]))


def _lists(*dated: tuple[str, tuple[str, ...]]) -> Universe:
    lists = [
        (pd.Timestamp(day), pd.Timestamp(day, tz="UTC") + pd.Timedelta(days=1), name, name, "Energy", 1.0)
        for day, names in dated
        for name in names
    ]
    rows = pd.DataFrame(lists, columns=["event_date", "known_at", "ticker", "name", "sector", "weight"])
    none = ["company", "event_date", "known_at", "ticker", "name", "sector", "status"]
    listings = pd.DataFrame(columns=none).astype({"event_date": "datetime64[us]", "known_at": "datetime64[us, UTC]"})
    return Universe("IWM", rows, Listings(listings), fund="IWM")


def build(
    store: Store, universe: Universe, root: Path, executor: Executor | None = None, **options: Any
) -> FactorPanel:
    return factor_panel(store, universe, DECISIONS, root=root, names=NAMES, executor=executor, **options)


def bits(panel: FactorPanel) -> tuple[bytes, bytes]:
    return panel.raw().values.tobytes(), panel.ranked().values.tobytes()


@pytest.fixture(scope="module")
def panel(store: Store, universe: Universe, tmp_path_factory: pytest.TempPathFactory) -> FactorPanel:
    return build(store, universe, tmp_path_factory.mktemp("factors"))


def test_each_decision_has_the_factors_of_what_was_known_at_its_close(
    panel: FactorPanel, store: Store, universe: Universe
) -> None:
    members = COMPANIES[:-1]
    assert panel.companies == members
    raw, ranked = panel.raw(), panel.ranked()
    assert ranked.values.dtype == np.float32
    for row, day in enumerate(DECISIONS):
        view = store.as_of(exchange.closes(DECISIONS[[row]])[0]).companies
        first = blocks_of(DECISIONS[[row]])[0].first
        assert len(exchange.between(first, f"{day.year}-01-03")) > LOOK_BACK + LONGEST_GAP + 60
        late = row >= 2  # the correction
        assert late == (view.instant >= CORRECTED)
        bars = screen(view.panel(members, first=first, last=day, on_time=late), crowd=False).clean
        _, member = universe.mask(bars.sessions, members)
        close = pd.DataFrame(bars.close * np.cumprod(bars.split, axis=0))
        growth = (close / close.ffill(limit=LONGEST_GAP).shift(1) - 1).where(member).clip(-0.5, 0.5)
        own = values(bars, growth.mean(axis=1).to_numpy(), DECISIONS[[row]], NAMES)[0]
        seen = member.any(axis=0)
        assert np.allclose(raw.values[row, seen], own[seen], rtol=1e-9, equal_nan=True)
        assert np.isnan(raw.values[row, ~seen]).all()
        expected = percentiles(raw.values[[row]], member[[-1]])[0]
        assert np.array_equal(ranked.values[row], expected.astype(np.float32), equal_nan=True)
    assert np.isfinite(ranked.values).any(axis=(1, 2)).all()


def test_a_block_holds_the_decisions_of_a_year() -> None:
    found = blocks_of(DECISIONS)
    assert [(block.year, len(block.decisions), block.name, str(block.first.date())) for block in found] == [
        (2018, 3, "2018-10-31", "2016-09-01"), (2019, 3, "2019-01-31", "2017-09-01"),
    ]  # fmt: skip


def test_two_processes_give_the_same_bits(panel: FactorPanel, store: Store, universe: Universe, tmp_path: Path) -> None:
    assert bits(build(store, universe, tmp_path, Local(2))) == bits(panel)


def test_a_cluster_gives_the_same_bits(
    panel: FactorPanel, store: Store, universe: Universe, tmp_path: Path, cluster: Any
) -> None:
    assert bits(build(store, universe, tmp_path, Cluster(cluster.scheduler_address))) == bits(panel)


@pytest.mark.slow
def test_the_number_of_buckets_does_not_matter(
    panel: FactorPanel, store: Store, universe: Universe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUCKETS", 3)
    assert bits(build(store, universe, tmp_path)) == bits(panel)


@pytest.mark.slow
def test_a_part_reads_the_partitions_of_its_own_companies_and_years_alone(
    store: Store, universe: Universe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[str, str]] = []
    rows, table = Reader.rows, Reader.table

    def rows_of(self: Reader, files: Any, kind: str, *rest: Any) -> Any:
        read.append((kind, self.root.name))
        return rows(self, files, kind, *rest)

    def table_of(self: Reader, files: Any, kind: str, *rest: Any) -> Any:
        read.append((kind, self.root.name))
        return table(self, files, kind, *rest)

    seen: list[str] = []
    inner = module.screen

    def watched(bars: Any, **options: Any) -> Any:
        own = {bucket(company, BUCKETS) for company in bars.companies}
        assert len(own) == 1
        years = set(bars.sessions.year)
        for kind, name in read:
            if kind == "bars":
                year, _, place = name.partition("-")
                assert int(year) in years
                assert int(place.split("of")[0]) in own
        seen.extend(name for _, name in read)
        return inner(bars, **options)

    monkeypatch.setattr(module, "screen", watched)
    daily = module._daily

    def forget_first(*arguments: Any) -> Any:
        fresh = Store(store.root)
        arguments = (module.replace(arguments[0], store=fresh), *arguments[1:])
        read.clear()
        return daily(*arguments)

    monkeypatch.setattr(module, "_daily", forget_first)
    monkeypatch.setattr(Reader, "rows", rows_of)
    monkeypatch.setattr(Reader, "table", table_of)
    build(store, universe, tmp_path)
    assert seen


def test_what_is_finished_is_not_computed_again(
    panel: FactorPanel, store: Store, universe: Universe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[tuple[str, int]] = []

    def progress(step: str, done: int, total: int) -> None:
        steps.append((step, done))
        if step == "factors" and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(store, universe, tmp_path, progress=progress)
    finished = {path: path.stat().st_ino for path in tmp_path.rglob("raw/**/*.parquet")}
    assert len(finished) == 3
    found = build(store, universe, tmp_path)
    assert {path: path.stat().st_ino for path in finished} == finished
    assert bits(found) == bits(panel)
    assert not list(tmp_path.rglob("daily/*.npz"))
    monkeypatch.setattr(module, "map_items", None)  # a third time nothing is computed
    assert bits(build(store, universe, tmp_path)) == bits(panel)


@pytest.mark.slow
def test_rows_stored_later_do_not_count(panel: FactorPanel, store: Store, universe: Universe, tmp_path: Path) -> None:
    limit = store.last_stored_at
    more = bars(np.random.default_rng(2))
    there = store.as_of().companies.panel(COMPANIES)
    columns = pd.Index(COMPANIES).get_indexer(more["series"])
    missing = ~there.traded[there.sessions.get_indexer(more["event_date"]), columns]
    assert missing.any()
    copy = Store(tmp_path / "data")
    shutil.copytree(store.root, copy.root)
    copy.companies.append_all({"bars": more[missing]})
    assert bits(build(copy, universe, tmp_path / "one", stored=limit)) == bits(panel)
    assert bits(build(copy, universe, tmp_path / "two")) != bits(panel)


@pytest.mark.slow
def test_a_decision_alone_has_the_bits_that_it_has_among_others(
    panel: FactorPanel, store: Store, universe: Universe, tmp_path: Path
) -> None:
    for day in (DECISIONS[1], DECISIONS[-2]):
        alone = factor_panel(store, universe, pd.DatetimeIndex([day]), root=tmp_path, names=NAMES)
        for one, among in ((alone.raw(), panel.raw()), (alone.ranked(), panel.ranked())):
            seen = np.isin(among.companies, one.companies)
            assert one.values[0].tobytes() == among.values[day == DECISIONS][0][seen].tobytes()


def test_files_are_by_year_and_bucket(panel: FactorPanel) -> None:
    for kind in (RAW, RANKED):
        found = sorted(
            path.relative_to(panel.root / kind).as_posix().rpartition("-")[0]
            for path in (panel.root / kind).rglob("*.parquet")
        )
        used = sorted({bucket(company, BUCKETS) for company in panel.companies})
        assert found == sorted(
            f"year={day[:4]}/{day}-{number}of{BUCKETS}" for day in ("2018-10-31", "2019-01-31") for number in used
        )


def _counted(steps: dict[str, int]) -> Any:
    """A progress that keeps how many parts of each step were computed."""
    return lambda step, _, total: steps.__setitem__(step, total)


def test_an_evening_computes_the_parts_of_its_own_year_alone(store: Store, universe: Universe, tmp_path: Path) -> None:
    grown, last = Store(tmp_path / "data"), exchange.closes(DECISIONS[[-2]])[0]
    rows = store.as_of().companies.latest("bars").rename(columns={"company": "series"})
    late = (rows["known_at"] > last).to_numpy()
    grown.companies.append_all({"bars": rows[~late]})
    few = sorted(set(rows["event_date"][late]))[-3:]
    factor_panel(grown, universe, DECISIONS[:-1], root=tmp_path / "kept", names=NAMES)
    grown.companies.append_all({"bars": rows[late & (rows["event_date"] < few[0])]})
    for day, at in zip(few, exchange.closes(pd.DatetimeIndex(few)), strict=True):
        paid = pd.DataFrame({"series": ["CCO", "LCO"], "event_date": day, "known_at": at, "amount": 0.1})
        grown.companies.append_all({"bars": rows[rows["event_date"] == day], "dividends": paid})
    steps: dict[str, int] = {}
    found = build(grown, universe, tmp_path / "kept", progress=_counted(steps))
    buckets = len({bucket(company, BUCKETS) for company in found.companies})
    assert steps == {"bars": buckets, "factors": buckets, "ranks": 1}
    assert bits(found) == bits(build(grown, universe, tmp_path / "fresh"))
    steps.clear()
    assert bits(factor_panel(grown, universe, DECISIONS, root=tmp_path / "kept", names=NAMES)) == bits(found)
    assert steps == {}


@pytest.mark.parametrize(
    ("kind", "day", "blocks"), [("bars", "2018-11-01", 2), ("splits", "2017-11-01", 2), ("splits", "2019-01-16", 1)]
)
def test_what_is_said_of_an_old_session_makes_its_parts_new(
    store: Store, universe: Universe, tmp_path: Path, kind: str, day: str, blocks: int
) -> None:
    copy = Store(tmp_path / "data")
    shutil.copytree(store.root, copy.root)
    before = build(copy, universe, tmp_path / "kept")
    at = exchange.closes(pd.DatetimeIndex([day]))[0]
    if kind == "bars":
        rows = copy.as_of().companies.latest("bars", ["ECO"]).rename(columns={"company": "series"})
        more = rows[rows["event_date"] == day].assign(close=1.0, low=0.9, known_at=at + pd.Timedelta("1D"))
        assert len(more) == 1  # too late for any factor, but its part is computed
    else:
        more = pd.DataFrame({"series": ["ECO"], "event_date": [pd.Timestamp(day)], "known_at": [at]}).assign(ratio=3.0)
    copy.companies.append_all({kind: more})
    steps: dict[str, int] = {}
    found = build(copy, universe, tmp_path / "kept", progress=_counted(steps))
    assert steps["bars"] == blocks
    assert (bits(found) == bits(before)) == (kind == "bars")
    assert bits(found) == bits(build(copy, universe, tmp_path / "fresh"))


def test_files_that_nobody_uses_are_removed(
    store: Store, universe: Universe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(store, universe, tmp_path)
    used = {path for path in tmp_path.rglob("*") if path.is_file()}
    old = time.time() - (KEPT_DAYS + 1) * 86_400
    for path in used:
        os.utime(path, (old, old))
    more = tmp_path / "raw" / "unused.parquet"
    more.write_bytes(b"")
    os.utime(more, (old, old))
    build(store, universe, tmp_path)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == used
    for path in used:
        os.utime(path, (old, old))
    other = factor_panel(store, universe, DECISIONS, root=tmp_path, names=NAMES[:2])
    left = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert {path for path in left & used if "sums" not in path.parts} == set()
    assert np.isfinite(other.raw().values).any()


def test_who_joins_later_changes_no_factor_of_an_earlier_decision(tmp_path: Path) -> None:
    # Companies of one bucket, enough for a crowd; those who join in November traded heavily on a day in March, when a
    # member had a block trade.
    rng, days = np.random.default_rng(1), exchange.between("2017-09-01", "2019-11-29")
    names = [name for name in (f"C{number:04d}" for number in range(2000)) if bucket(name, BUCKETS) == 0][:50]
    assert len(names) == 50
    members, place, parts = names[:24], days.get_loc("2019-03-18"), []
    for number, name in enumerate(names):
        close, volume = 20 * np.cumprod(1 + rng.normal(0, 0.012, len(days))), rng.lognormal(13, 0.25, len(days)).round()
        volume[place] *= 6 if number == 3 else 8 if number >= 24 else 1
        part = pd.DataFrame({"series": name, "event_date": days, "known_at": exchange.closes(days), "close": close})
        parts.append(part.assign(open=close, high=close * 1.005, low=close * 0.995, volume=volume, restated=0.0))
    store = Store(tmp_path / "data")
    store.companies.append_all({"bars": pd.concat(parts, ignore_index=True)})

    def group(joined: list[str]) -> Universe:
        lists = [("2019-01-02", members), ("2019-03-25", members), ("2019-11-01", members + joined)]
        rows = [
            (pd.Timestamp(day), pd.Timestamp(day, tz="UTC"), name, name, "Energy", 1.0)
            for day, listed in lists
            for name in listed
        ]
        frame = pd.DataFrame(rows, columns=["event_date", "known_at", "ticker", "name", "sector", "weight"])
        none = ["company", "event_date", "known_at", "ticker", "name", "sector", "status"]
        known = pd.DataFrame(columns=none).astype({"event_date": "datetime64[us]", "known_at": "datetime64[us, UTC]"})
        return Universe("IWM", frame, Listings(known), fund="IWM")

    asked, decided = ("volume_growth_21", "dollar_volume"), pd.DatetimeIndex(["2019-03-29", "2019-11-29"]).as_unit("us")
    live = factor_panel(store, group([]), decided[:1], root=tmp_path / "live", names=asked)
    later = factor_panel(store, group(names[24:]), decided, root=tmp_path / "later", names=asked)
    own = np.isin(later.companies, members)
    for one, other in ((live.raw(), later.raw()), (live.ranked(), later.ranked())):
        assert np.isfinite(one.values[0]).all()
        assert other.values[0][own].tobytes() == one.values[0].tobytes()
