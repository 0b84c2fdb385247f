"""Sector factors: relative strength and the absorption ratio."""
