"""Volatility factors: realised, implied, tails, drawdowns."""
