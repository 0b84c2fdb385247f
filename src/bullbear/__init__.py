"""bullbear: an honest, point-in-time forecaster of IWM's next month, and the Bull and Bear positions that follow."""

__version__ = "0.1.0"
