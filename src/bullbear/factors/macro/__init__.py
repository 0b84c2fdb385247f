"""Macro factors: observed series and releases with their vintages."""
