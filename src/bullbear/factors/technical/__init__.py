"""Technical factors: trend, momentum, oscillators, bands, volume."""
