"""Positioning factors: short volume and short interest."""
