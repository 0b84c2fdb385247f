"""The kinds of learner, a module each; those of a user lie in `learners/*.py` of the home."""
