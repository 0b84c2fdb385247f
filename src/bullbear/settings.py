"""Settings of a home: `bullbear.toml` beside its folders, and keys from the environment.

Every setting has a default, so the file is optional. API keys come from `FRED_API_KEY` and `TIINGO_API_KEY` first, then
from the table `[keys]`, and print as stars.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from bullbear.definitions import Definition, read

PRICES = (
    "IWM", "IWN", "IWO", "IJR", "MDY", "SPY", "QQQ", "^GSPC", "^RUT",
    "RWM", "TWM", "SRTY", "TZA", "UWM", "URTY", "TNA",
    "XLB", "XLE", "XLF", "XLI", "XLK", "XLP", "XLU", "XLV", "XLY", "KRE", "XRT", "IBB",
    "TLT", "IEF", "SHY", "BIL", "LQD", "HYG", "EEM", "GLD", "USO", "UUP",
)  # fmt: skip
MACRO = (
    "DGS3MO", "DGS1", "DGS2", "DGS5", "DGS10", "DGS30", "DFII10", "T10Y2Y", "T10Y3M", "T10YIE", "DFF", "FEDFUNDS",
    "AAA", "BAA", "AAA10Y", "BAA10Y", "TB3MS", "BAMLH0A0HYM2", "VIXCLS", "DCOILWTICO", "DTWEXBGS", "MORTGAGE30US",
    "ICSA", "CCSA", "NFCI", "ANFCI", "STLFSI4", "WALCL", "M2SL",
    "PAYEMS", "UNRATE", "SAHMREALTIME", "CPIAUCSL", "CPILFESL", "PCEPILFE", "INDPRO", "UMCSENT", "MICH", "JTSJOL",
    "DGORDER", "HOUST", "PERMIT", "RSXFS", "GDP", "GDPC1", "USREC",
    "GACDISA066MSFRBNY", "NOCDISA066MSFRBNY", "GACDFSA066MSFRBPHI", "GAFDFSA066MSFRBPHI", "NOCDFSA066MSFRBPHI",
)  # fmt: skip
VINTAGES = (
    "ICSA", "PAYEMS", "UNRATE", "CPIAUCSL", "CPILFESL", "PCEPILFE", "INDPRO", "UMCSENT", "JTSJOL", "DGORDER", "HOUST",
    "PERMIT", "RSXFS", "M2SL", "GDP", "GDPC1",
)  # fmt: skip


def _upper(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip().upper() for name in names))


Names = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_upper)]  # TOML has lists only
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class FetchSettings(Definition):
    """What `bullbear fetch` downloads: series by source, the first day, and the overlap with stored rows.

    Attributes
    ----------
    companies
        Whether `bullbear day` brings the companies up to date, too, as `bullbear fetch --holdings` does.
    company_batch
        Companies that are stored at once: what a killed fetch may have to ask for again.
    holdings_days, facts_days
        Days after which a list of holdings, and the filings of a company, are asked for again.
    """

    start: date = date(1993, 1, 29)
    overlap_sessions: int = Field(default=30, ge=5, le=2000)
    settle_minutes: int = Field(default=20, ge=0, le=600)
    tolerance: float = Field(default=0.005, gt=0, lt=1)
    prices: Names = PRICES
    indices: Names = ("VIX", "VIX9D", "VIX3M", "VIX6M", "VIX1Y", "RVX", "SKEW", "VVIX")
    macro: Names = MACRO
    vintages: Names = VINTAGES
    short_interest: Names = ("IWM",)
    short_volume: Names = ("IWM",)
    short_volume_start: date = date(2019, 1, 2)
    put_call: Names = ("CBOE_PC_TOTAL", "CBOE_PC_EQUITY", "CBOE_PC_INDEX")
    put_call_start: date = date(2019, 10, 7)
    holdings: Names = ("IWM",)
    companies: bool = False
    companies_start: date = date(2010, 1, 4)
    company_batch: int = Field(default=100, ge=1, le=500)
    holdings_days: int = Field(default=7, ge=1, le=100)
    facts: bool = True
    facts_days: int = Field(default=7, ge=1, le=100)


class HttpSettings(Definition):
    """Limits on requests to a provider."""

    attempts: int = Field(default=5, ge=1, le=10)
    first_wait: Seconds = 1.0
    longest_wait: Seconds = 60.0
    timeout: Seconds = 30.0
    deadline: Seconds = 180.0
    pause: Seconds = 0.25
    largest_megabytes: float = Field(default=64, gt=0, le=1024)
    give_up_after: int = Field(default=3, ge=1)
    user_agent: str = "Mozilla/5.0 (X11; Linux x86_64) bullbear/0.1"
    edgar_user_agent: str | None = None


class Urls(Definition):
    """The base URL of each provider, or of a mirror."""

    yahoo: str = "https://query2.finance.yahoo.com"
    tiingo: str = "https://api.tiingo.com"
    fred: str = "https://fred.stlouisfed.org"
    alfred: str = "https://api.stlouisfed.org"
    finra: str = "https://api.finra.org"
    regsho: str = "https://cdn.finra.org"
    cboe: str = "https://cdn.cboe.com"
    ishares: str = "https://www.ishares.com"
    sec: str = "https://www.sec.gov"
    edgar: str = "https://data.sec.gov"


class Keys(Definition):
    """API keys; a provider that needs one is not used without it."""

    fred: SecretStr | None = None
    tiingo: SecretStr | None = None


class Staleness(Definition):
    """The limits beyond which a forecast is refused.

    Attributes
    ----------
    max_share
        Share of the champion's series that are stale or missing at the decision.
    max_sessions_behind
        Sessions that the target lags behind today, in a store filled by `bullbear fetch`.
    max_refit_overdue_sessions
        Sessions for which a refit has been due.
    """

    max_share: float = Field(default=0.5, ge=0, le=1)
    max_sessions_behind: int = Field(default=5, ge=0)
    max_refit_overdue_sessions: int = Field(default=42, ge=0)


class Settings(Definition):
    """All of `bullbear.toml`."""

    fetch: FetchSettings = FetchSettings()
    http: HttpSettings = HttpSettings()
    urls: Urls = Urls()
    keys: Keys = Keys()
    staleness: Staleness = Staleness()


def settings_of(root: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of the home at `root`; keys are looked up in `environment` first, by default the process's.

    Raises
    ------
    DefinitionError
        `bullbear.toml` cannot be used; the message names file and line.

    Example
    -------
    >>> settings_of(Path("no such home"), {"FRED_API_KEY": "abc"}).keys.fred
    SecretStr('**********')
    """
    environment = os.environ if environment is None else environment
    path = root / "bullbear.toml"
    settings = read(path, Settings)[0] if path.exists() else Settings()
    found = {name: value for name in Keys.model_fields if (value := environment.get(f"{name.upper()}_API_KEY"))}
    if not found:
        return settings
    secrets = {name: SecretStr(value) for name, value in found.items()}
    return settings.model_copy(update={"keys": settings.keys.model_copy(update=secrets)})
