"""Regime factors: market phase, Markov switching, change points, turbulence."""
