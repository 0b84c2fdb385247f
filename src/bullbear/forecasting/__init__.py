"""The daily forecast: bundle, refits, ledger, gate and scoring."""
