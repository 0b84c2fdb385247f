"""Forecasts, fits and ledger entries recomputed from what was known at the time, to be compared with the originals."""
