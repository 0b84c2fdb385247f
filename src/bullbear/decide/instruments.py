"""What a policy may hold: funds at their own prices, cash, and whatever else can be marked.

Instruments are data: `models/instruments.toml`, packaged and in the home. A kind of instrument is a registered class,
here or in a home's `instruments/`. A policy holds the instruments themselves, checked when it is loaded, so that it and
a book of its positions need no table beside them. An instrument may also be made by a policy on the day, such as an
option spread with its strikes and expiry; the policy's `needs` must then name what it reads.

A geared fund promises its multiple of the index's return over one day only: held longer, its return depends on the path
(Cheng and Madhavan 2009). Positions are therefore marked at the funds' own prices, never at a multiple of the index.

References
----------
Cheng, M. and Madhavan, A. (2009), The dynamics of leveraged and inverse exchange-traded funds, Journal of Investment
Management 7(4).
Toth, B. et al. (2011), Anomalous price impact and the critical nature of liquidity in financial markets, Physical
Review X 1, doi:10.1103/PhysRevX.1.021006.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, SkipValidation, ValidationInfo

from bullbear.decide.daily_reset import DailyReset, ResetFund
from bullbear.definitions import Definition, Kinds, read
from bullbear.definitions.models import Day
from bullbear.errors import DefinitionError
from bullbear.shipped import INSTRUMENTS

if TYPE_CHECKING:
    from bullbear.decide.market import Market

CASH = "CASH"
At = Literal["open", "close"]


class Instrument(Definition):
    """What every instrument answers; `ticker` is its name in books, orders and positions.

    `multiple` is the index exposure per unit of weight. Costs are parts of the value traded: `half_spread_bp` and
    `slippage_bp` in basis points, `commission` a fraction; `impact_bp` is what an order of the size of a usual day's
    volume costs besides. `account_size` is the equity at the start, in dollars, by which an order has a size.
    """

    kind: str
    ticker: str = Field(min_length=1)
    name: str = ""
    multiple: float = 1.0
    half_spread_bp: float = Field(ge=0)
    slippage_bp: float = Field(default=0.0, ge=0)
    impact_bp: float = Field(default=0.0, ge=0)
    commission: float = Field(default=0.0, ge=0, lt=1)
    account_size: float = Field(default=100_000.0, gt=0)

    @property
    def priced_by(self) -> tuple[str, ...]:
        """Tickers whose bars `mark` reads."""
        return (self.ticker,)

    @property
    def model_fund(self) -> ResetFund | None:
        """The model that prices it before its first bar; None for none."""
        return None

    @property
    def factors(self) -> tuple[str, ...]:
        """Factors that `mark` and `cost` read; the model must compute them."""
        return ()

    @property
    def expiry(self) -> date | None:
        """The day at whose close the position is paid out in cash; None for never."""
        return None

    def mark(self, market: Market, row: int, at: At) -> float:
        """Total-return price of a unit at a session's open or close, from what was known then; NaN where unknown.

        Factors are read by `market.factor`, which gives an open the values of the close before, and at this row only: a
        live account has no earlier ones.
        """
        raise NotImplementedError

    def is_modelled(self, market: Market, row: int) -> bool:
        """Whether `mark` at this session is a model's price, not one that was traded."""
        return market.is_modelled(self.ticker, row)

    @property
    def modelled_reason(self) -> str:
        """What a decision says where its price is a model's."""
        return f"{self.ticker} is not listed yet: its price is modelled"

    def low(self, market: Market, row: int) -> float:
        """The least total-return price of a session, at which a resting stop is judged; NaN where unknown."""
        return float("nan")

    def cost_law(self, market: Market, row: int) -> tuple[float, float]:
        """(base, impact) of `cost` in a session, from volumes known at the close before it.

        The impact of an order of Q dollars in a market of V dollars a day is impact_bp * sqrt(Q / V), the square-root
        law (Toth et al. 2011); where no volume is known, the base alone is charged.
        """
        base = (self.half_spread_bp + self.slippage_bp) / 1e4 + self.commission
        if self.impact_bp == 0.0:
            return base, 0.0
        volume = market.usual_volume(self.ticker, row)
        return base, self.impact_bp / 1e4 * math.sqrt(self.account_size / volume) if volume > 0.0 else 0.0

    def cost(self, value: float, market: Market, row: int) -> float:
        """Cost of trading `value` (units of the equity at the start) in a session, as a fraction of it.

        base + impact * sqrt(abs(value)), with `cost_law`.
        """
        base, impact = self.cost_law(market, row)
        return base + impact * math.sqrt(abs(value)) if impact else base

    def margin(self, value: float) -> float:
        """Cash that a position of this value binds, in proportion to the value; none for what is paid in full."""
        return 0.0


INSTRUMENT_KINDS = Kinds[Instrument](
    "instrument", package="bullbear.decide.options", folder="instruments", default="fund"
)


@INSTRUMENT_KINDS.register
class Fund(Instrument):
    """An exchange-traded fund at its own prices; before the first of them at those of its `model`, if it has one."""

    kind: Literal["fund"] = "fund"
    expense_ratio: float = Field(default=0.0, ge=0, lt=1)
    inception: Day
    model: DailyReset | None = None

    @property
    def priced_by(self) -> tuple[str, ...]:
        """Its own ticker, and that of the index it is modelled from."""
        return (self.ticker,) if self.model is None else (self.ticker, self.model.index)

    @property
    def model_fund(self) -> ResetFund | None:
        """Multiple, costs and index of its model."""
        if self.model is None:
            return None
        spread = self.model.financing_spread
        return ResetFund(self.model.index, self.multiple, self.expense_ratio, spread, self.inception)

    def mark(self, market: Market, row: int, at: At) -> float:
        """The bar's open or close in total-return units."""
        bars = market.bars.get(self.ticker)
        if bars is None:
            return float("nan")
        return bars.open[row] if at == "open" else bars.close[row]

    def low(self, market: Market, row: int) -> float:
        """The bar's low in total-return units."""
        bars = market.bars.get(self.ticker)
        return float("nan") if bars is None else bars.low[row]


@INSTRUMENT_KINDS.register
class Cash(Instrument):
    """Cash at the bill rate; what no sleeve holds."""

    kind: Literal["cash"] = "cash"
    ticker: Literal["CASH"] = "CASH"
    multiple: float = 0.0
    half_spread_bp: float = 0.0

    @property
    def priced_by(self) -> tuple[str, ...]:
        """None: cash is its own price."""
        return ()

    def mark(self, market: Market, row: int, at: At) -> float:
        """One."""
        return 1.0


class Instruments(dict[str, Instrument]):
    """Instruments by ticker, and the `file:line` at which each is defined."""

    def __init__(self) -> None:
        super().__init__()
        self.defined_at: dict[str, str] = {}


class _Table(Definition):
    account_size: float = Field(default=100_000.0, gt=0)
    instrument: list[dict[str, Any]] = Field(min_length=1)


def read_instruments(paths: Mapping[Path, Collection[str] | None]) -> Instruments:
    """The instruments of some `instruments.toml`, by ticker; on the same ticker a later file wins.

    Parameters
    ----------
    paths
        Each with the tickers that are read of it, None for all.

    Raises
    ------
    DefinitionError
        An entry makes no sense, or a file names a ticker twice; the message names file and line.
    """
    found = Instruments()
    for path, only in paths.items():
        table, source = read(path, _Table)
        inside: set[str] = set()
        for place, entry in enumerate(table.instrument):
            if only is not None and entry.get("ticker") not in only:
                continue
            sized = {"account_size": table.account_size, **entry}
            each = INSTRUMENT_KINDS.read(sized, source, below=("instrument", place))
            if each.ticker in inside or each.ticker == CASH:
                where = f"{source.where('instrument', place, 'ticker')} (instrument.{place}.ticker)"
                raise DefinitionError(where, each.ticker, "a ticker that no other instrument has", "remove one")
            inside.add(each.ticker)
            found[each.ticker] = each
            found.defined_at[each.ticker] = source.where("instrument", place, "multiple")
    return found


@cache
def packaged_instruments() -> Mapping[str, Instrument]:
    """The instruments that come with the library."""
    package = Path(__file__).parents[1]
    # A wheel carries the definitions inside the package; a checkout has them at its top level.
    places = [folder / "models" / "instruments.toml" for folder in (package, package.parents[1])]
    return read_instruments({path: INSTRUMENTS for path in [path for path in places if path.exists()][:1]})


def instruments_of(info: ValidationInfo) -> Mapping[str, Instrument]:
    """Those that a policy may name: the `instruments` of the context, or the packaged ones."""
    return (info.context or {}).get("instruments") or packaged_instruments()


def exposed(sign: int, *, or_cash: bool = False) -> AfterValidator:
    """A check that a `Tradable` field names an instrument whose multiple has this sign, +1 or -1, or perhaps cash."""

    def checked(instrument: Instrument, info: ValidationInfo) -> Instrument:
        if instrument.multiple * sign > 0 or (or_cash and instrument.ticker == CASH):
            return instrument
        known = instruments_of(info)
        others = ", ".join(ticker for ticker, each in known.items() if each.multiple * sign > 0)
        place = getattr(known, "defined_at", {}).get(instrument.ticker)
        raise ValueError(
            f"an instrument with a {'positive' if sign > 0 else 'negative'} multiple: {others} (that of "
            f"{instrument.ticker} is {instrument.multiple:g}{f', {place}' if place else ''})"
        )

    return AfterValidator(checked)


def _held(value: Any, info: ValidationInfo) -> Instrument:
    if isinstance(value, Instrument):
        return value
    if isinstance(value, Mapping):  # as a policy was dumped
        return INSTRUMENT_KINDS.read(value)
    known = instruments_of(info)
    if value not in known:
        raise ValueError(f"one of {', '.join(known)} (models/instruments.toml)")
    return known[value]


def instruments_in(value: Any) -> Iterator[Instrument]:
    """Every instrument in a value and, if it is a mapping, a sequence or a definition, in what it holds."""
    if isinstance(value, Instrument):
        yield value
    elif isinstance(value, Definition):
        yield from instruments_in(dict(value))
    elif isinstance(value, Mapping):
        yield from instruments_in(tuple(value.values()))
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from instruments_in(each)


Tradable = Annotated[
    SkipValidation[Instrument],
    BeforeValidator(_held),
    PlainSerializer(lambda instrument: instrument.model_dump(mode="json")),
]
"""A field of a policy that names an instrument by its ticker."""
