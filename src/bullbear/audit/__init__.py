"""The audit: checks that nothing sees what only a later day could know, of a model and of a home's own factors."""

from bullbear.audit.factors import Finding, perturbation, require_causal, truncation

__all__ = ["Finding", "perturbation", "require_causal", "truncation"]
