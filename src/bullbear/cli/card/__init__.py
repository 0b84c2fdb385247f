"""The card of an evening in the terminal: a forecast's entry and what was worked out beside it, one idea a module."""
