"""The search for a learner's parameters, nested in the past of every refit."""
