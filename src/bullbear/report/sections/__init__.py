"""The sections of the report: one module each, from plain data to blocks; none reads a home."""
