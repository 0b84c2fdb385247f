"""Which tags of a filing hold which of our concepts, the best first.

Companies choose among several tags of one meaning, and change them over the years (revenue was `SalesRevenueNet` until
2018). Of one filing and period the first tag of the list that it holds is taken. Totals stand before parts, the share
of the owners before that with minorities. Concepts that a company does not tag are missing: nothing is added up.

`us-gaap` and `dei` are the taxonomies of domestic filers, `ifrs-full` that of many foreign ones (20-F, 6-K).

References
----------
https://www.sec.gov/data-research/standard-taxonomies
"""

from __future__ import annotations

from types import MappingProxyType

_GAAP = {
    "revenue": (
        "Revenues", "RevenueFromContractWithCustomerExcludingAssessedTax",
        "RevenueFromContractWithCustomerIncludingAssessedTax", "SalesRevenueNet", "RevenuesNetOfInterestExpense",
        "SalesRevenueGoodsNet", "SalesRevenueServicesNet",
    ),
    "gross_profit": ("GrossProfit",),
    "operating_income": ("OperatingIncomeLoss",),
    "net_income": ("NetIncomeLoss", "NetIncomeLossAvailableToCommonStockholdersBasic", "ProfitLoss"),
    "equity": (
        "StockholdersEquity", "StockholdersEquityIncludingPortionAttributableToNoncontrollingInterest",
        "PartnersCapital", "MembersEquity",
    ),
    "total_assets": ("Assets",),
    "total_liabilities": ("Liabilities",),
    "current_assets": ("AssetsCurrent",),
    "current_liabilities": ("LiabilitiesCurrent",),
    "cash": (
        "CashAndCashEquivalentsAtCarryingValue",
        "CashCashEquivalentsRestrictedCashAndRestrictedCashEquivalents", "Cash", "CashAndDueFromBanks",
    ),
    "cash_and_investments": ("CashCashEquivalentsAndShortTermInvestments",),
    "cfo": (
        "NetCashProvidedByUsedInOperatingActivities",
        "NetCashProvidedByUsedInOperatingActivitiesContinuingOperations",
    ),
    "capex": (
        "PaymentsToAcquirePropertyPlantAndEquipment", "PaymentsToAcquireProductiveAssets",
        "PaymentsToAcquireOtherPropertyPlantAndEquipment",
    ),
    "cff": (
        "NetCashProvidedByUsedInFinancingActivities",
        "NetCashProvidedByUsedInFinancingActivitiesContinuingOperations",
    ),
    "long_term_debt": ("LongTermDebt", "LongTermDebtAndCapitalLeaseObligationsIncludingCurrentMaturities"),
    "lt_debt_noncurrent": ("LongTermDebtNoncurrent", "LongTermDebtAndCapitalLeaseObligations"),
    "current_debt": (
        "DebtCurrent", "LongTermDebtAndCapitalLeaseObligationsCurrent", "LongTermDebtCurrent", "ShortTermBorrowings",
    ),
    "convertible_debt": ("ConvertibleDebtNoncurrent", "ConvertibleLongTermNotesPayable", "ConvertibleNotesPayable"),
    "shares_outstanding": ("CommonStockSharesOutstanding",),
    "shares_diluted": (
        "WeightedAverageNumberOfDilutedSharesOutstanding",
        "WeightedAverageNumberOfShareOutstandingBasicAndDiluted",
    ),
}  # fmt: skip
_DEI = {"shares_outstanding": ("EntityCommonStockSharesOutstanding",)}
_IFRS = {
    "revenue": ("Revenue", "RevenueFromContractsWithCustomers"),
    "gross_profit": ("GrossProfit",),
    "operating_income": ("ProfitLossFromOperatingActivities",),
    "net_income": ("ProfitLossAttributableToOwnersOfParent", "ProfitLoss"),
    "equity": ("EquityAttributableToOwnersOfParent", "Equity"),
    "total_assets": ("Assets",),
    "total_liabilities": ("Liabilities",),
    "current_assets": ("CurrentAssets",),
    "current_liabilities": ("CurrentLiabilities",),
    "cash": ("CashAndCashEquivalents",),
    "cfo": ("CashFlowsFromUsedInOperatingActivities",),
    "capex": ("PurchaseOfPropertyPlantAndEquipmentClassifiedAsInvestingActivities",),
    "cff": ("CashFlowsFromUsedInFinancingActivities",),
    "long_term_debt": ("LongtermBorrowings",),
    "lt_debt_noncurrent": ("NoncurrentPortionOfNoncurrentBorrowings",),
    "current_debt": ("CurrentBorrowings", "CurrentPortionOfLongtermBorrowings"),
    "shares_outstanding": ("NumberOfSharesOutstanding",),
    "shares_diluted": ("AdjustedWeightedAverageShares",),
}

# The cover page's number of shares (dei) is the newest, so it comes first where both are of one day.
CONCEPTS = MappingProxyType(
    {
        (taxonomy, tag): (concept, rank)
        for taxonomy, concepts in (("dei", _DEI), ("us-gaap", _GAAP), ("ifrs-full", _IFRS))
        for concept, tags in concepts.items()
        for rank, tag in enumerate(tags, start=0 if taxonomy == "dei" else 1)
    }
)
"""(taxonomy, tag) -> our concept, and the rank of the tag among those of the concept: the lowest is taken."""
