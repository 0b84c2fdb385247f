"""Breadth factors: what the members of a fund do, as they were known at each close."""
