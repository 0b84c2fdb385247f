"""Checks that nothing sees what only a later day could know: of the factors that a home brings along."""

from bullbear.audit.causal import require_causal
from bullbear.audit.finding import Finding
from bullbear.audit.perturbation import perturbation
from bullbear.audit.truncation import truncation

__all__ = ["Finding", "perturbation", "require_causal", "truncation"]
