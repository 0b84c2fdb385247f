"""An instrument of a home that is marked by a factor: the evenings' account is the backtest's, to the last bit."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.decide import Book, Forecast, advise, backtest, load_policy
from bullbear.errors import DefinitionError, InputError, RunError
from bullbear.forecasting.account_factors import account_factors
from bullbear.forecasting.advised import Advised
from bullbear.forecasting.close import close_of
from bullbear.forecasting.forecast import forecast_at, issue, replay
from bullbear.home import Home, locate
from bullbear.tracking import Runs
from bullbear.workflows.backtesting import backtest_run
from bullbear.workflows.training import train_model

FILES = {
    "instruments/certificate.py": '''
from typing import Literal

from bullbear.decide.instruments import INSTRUMENT_KINDS, Instrument


@INSTRUMENT_KINDS.register
class Certificate(Instrument):
    """A unit of another fund, at a premium that grows with a factor."""

    kind: Literal["certificate"] = "certificate"
    underlying: str
    factor: str

    @property
    def priced_by(self):
        return (self.underlying,)

    @property
    def factors(self):
        return (self.factor,)

    def mark(self, market, row, at):
        bars = market.bars[self.underlying]
        price = bars.open[row] if at == "open" else bars.close[row]
        return price * (1.0 + market.factor(self.factor, row, at) / 100.0)
''',
    "policies/tilt.py": '''
from typing import Literal

from bullbear.decide.instruments import Tradable
from bullbear.decide.policy import POLICIES, Needs, NoMemory, Policy, Sleeve, Stance


@POLICIES.register
class Tilt(Policy):
    """P(up) of each of two instruments, halved."""

    kind: Literal["tilt"] = "tilt"
    held: list[Tradable]

    @property
    def needs(self):
        return Needs(questions=("up",))

    def decide(self, state, memory):
        weight = state.forecasts["up"].p / len(self.held)
        sleeves = tuple(Sleeve(each.ticker, "bull", each, weight) for each in self.held)
        return Stance(state.decided_at, sleeves), NoMemory()
''',
    "models/instruments.toml": """
[[instrument]]
kind = "certificate"
ticker = "CERT"
underlying = "SPY"
factor = "vix"
half_spread_bp = 5
""",
    "models/tilt.toml": """
name = "tilt"
intent = "The base rate; half of it in a certificate on SPY."
features = ["tiny"]
[learner]
kind = "climatology"
[splitter]
first = "2006-01-01"
burn_in_months = 12
refit = "quarter"
[policy]
kind = "tilt"
held = ["CERT", "IWM"]
""",
}


@pytest.fixture
def own(home: Home) -> Home:
    for name, text in FILES.items():
        (home.root / name).parent.mkdir(exist_ok=True)
        (home.root / name).write_text(text)
    return locate(home.root)


def edit(home: Home, path: str, old: str, new: str) -> None:
    text = (home.root / path).read_text()
    assert old in text
    (home.root / path).write_text(text.replace(old, new))


def test_evenings_with_an_instrument_marked_by_a_factor_are_the_backtest(own: Home) -> None:
    train_model(own, "tilt")
    run = Runs(own).find("latest")
    tested = backtest_run(own, run)
    bundle = replace(run.bundle, meta=run.bundle.meta | {"run_id": run.run_id})
    store, target = own.filled_store(), bundle.definition.target
    assert set(tested.trades["ticker"]) == {"CERT", "IWM"}
    assert tested.account.attribution["CERT"] != 0.0
    decided = [pd.Timestamp(state.decided_at) for state in tested.states]
    start = len(decided) - 12
    book = tested.books[start - 1]
    for place in range(start, len(decided)):
        at = close_of(store, target, str(decided[place].date()))
        assert at.decided_at == decided[place]
        made = forecast_at(at, bundle, Advised(book, None), simulated=True)
        book = Book.from_json(made["account"]["book"])
        assert book == tested.books[place]
        assert book.equity == tested.equity[at.session]
        if place % 4 == 0:
            again = replay(store, bundle, str(at.session.date()))
            assert again["account"]["book"] == made["account"]["book"]

    # After five evenings away, too.
    two = run.of_target.where(np.isin(np.arange(len(run.of_target)), [start, start + 5]))
    factors = account_factors(at.view, bundle.rule, bundle.feature_sets, "IWM")
    away = backtest(two, at.view, bundle.policy, factors=factors, baselines={})
    later = close_of(store, target, str(decided[start + 5].date()))
    made = forecast_at(later, bundle, Advised(away.books[0], None), simulated=True)
    assert Book.from_json(made["account"]["book"]) == away.books[1]

    # An account that holds the certificate cannot be taken over by a model that does not compute its factor.
    with pytest.raises(InputError, match=r"CERT held: factor: got 'vix'; allowed: those given: none"):
        advise(at.view, load_policy({}), at.decided_at, {"up": Forecast(0.6, 0.5, 0.7, 0.6)}, before=tested.books[-2])
    edit(own, "instruments/certificate.py", "/ 100.0", "/ 50.0")
    with pytest.raises(RunError, match=r"got 'instruments/certificate\.py, changed since the training'"):
        _ = Runs(locate(own.root)).find("latest").bundle.policy


def test_a_new_champion_carries_on_what_is_priced_by_a_factor_that_it_lacks(own: Home) -> None:
    def evening(home: Home, day: str) -> dict[str, Any]:
        return issue(home, day, now=pd.Timestamp(f"{day}T22:00", tz="UTC"))

    train_model(own, "tilt")
    runs = Runs(own)
    runs.promote(runs.find("tilt"))
    evening(own, "2007-12-26")
    before = evening(own, "2007-12-27")["account"]["book"]
    assert {each["ticker"] for each in before["values"]} == {"CERT", "IWM"}
    other = Home(Path(shutil.copytree(own.root, own.root.parent / "other", symlinks=True)))
    kept = evening(other, "2007-12-28")["account"]["book"]
    runs.promote(runs.find("base"))
    sold = evening(own, "2007-12-28")["account"]
    assert sold["book"]["marks"] == kept["marks"]
    assert [each["name"] for each in sold["factors"]] == ["vix"]
    assert {each["ticker"]: each["weight"] for each in sold["book"]["orders"]}["CERT"] == 0.0
    last = evening(own, "2007-12-31")["account"]
    assert "CERT" not in {each["ticker"] for each in last["book"]["values"]}
    assert "factors" not in last


def test_a_factor_that_only_an_instrument_reads_must_be_the_models(own: Home) -> None:
    own.model("tilt")
    edit(own, "models/instruments.toml", '"vix"', '"slope"')
    message = (
        r"models/tilt\.toml:11 \(policy\): got 'tilt, which needs the factor slope'; "
        r"allowed: a policy that needs no factor but rsi_14, vix"
    )
    with pytest.raises(DefinitionError, match=message):
        own.model("tilt")


def test_the_code_of_an_instrument_is_in_the_meaning_of_a_model(own: Home) -> None:
    before = own.model("tilt").definition_hash
    edit(own, "instruments/certificate.py", "/ 100.0", "/ 50.0")
    assert own.model("tilt").definition_hash != before
