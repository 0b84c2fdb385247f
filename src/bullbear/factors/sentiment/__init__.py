"""Sentiment factors: what investors say, and what they pay for protection."""
