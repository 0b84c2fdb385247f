"""Ranking the companies of a group: factors of each company, labels, fits and portfolios."""
