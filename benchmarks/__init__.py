"""Speed, told as ratios of two measurements within one run: a machine may be slow, a ratio is not."""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # before the first import of numpy
    os.environ.setdefault(_name, "1")
