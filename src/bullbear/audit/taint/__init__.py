"""Taint tracking: replace what a fit may not know, and trace what changes back to the row that reached it."""
