"""The kinds of calibration, a module each."""
