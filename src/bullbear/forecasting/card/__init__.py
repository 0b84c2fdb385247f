"""The card of an evening: what a reader wants beside a forecast's ledger entry, worked out anew each time.

Nothing of it goes into the ledger, which holds what was forecast and advised; the terminal and the report show the same
card from the same document.
"""
