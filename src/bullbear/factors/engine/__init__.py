"""The engine: what a factor is, what it may read, and the matrix that respects time."""
