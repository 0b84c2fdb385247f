"""Factors of support and resistance: swings, levels, breaks, channels, patterns."""
