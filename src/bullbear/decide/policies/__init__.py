"""The kinds of policies, one module each; a new module is found without further entry."""
