"""Kinds of instruments whose prices are modelled throughout, one module each; a new module is found without further
entry."""
