"""Checks of single factors: a training makes them of the factors that a home brings along, the audit of all."""

from bullbear.audit.factors.causal import require_causal
from bullbear.audit.factors.finding import Finding
from bullbear.audit.factors.perturbation import perturbation
from bullbear.audit.factors.truncation import truncation

__all__ = ["Finding", "perturbation", "require_causal", "truncation"]
