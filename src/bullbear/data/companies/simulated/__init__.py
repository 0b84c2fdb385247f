"""The companies of the simulated market: an index with births, deaths, filings, misprints, and a known true signal."""
