"""Ranking companies and sectors, and what following the ranking would have earned."""
