"""The kinds of pool, a module each."""
