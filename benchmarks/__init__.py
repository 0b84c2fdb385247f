"""Speed, told as ratios of two measurements within one run: a machine may be slow, a ratio is not."""
