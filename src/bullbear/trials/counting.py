"""How much was tried on a question: whatever the order of the trials and however often each was seen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from bullbear.trials.trial import Identity, Trial


@dataclass(frozen=True)
class Tries:
    """What was tried on one question and kind of data, everything once.

    Attributes
    ----------
    models
        The newest training of each model, by identity.
    first_seen
        When the first training of each was seen, UTC.
    variants
        The annual Sharpe ratio of each policy tried on the forecasts of a model, by the model's identity and the
        policy's digest; None where there is none.
    """

    models: Mapping[Identity, Trial]
    first_seen: Mapping[Identity, str]
    variants: Mapping[tuple[Identity, str], float | None]

    def others(self, identity: Identity) -> list[Trial]:
        """The models besides one, the newest first."""
        beside = [trial for tried, trial in self.models.items() if tried != identity]
        return sorted(beside, key=lambda trial: trial.at, reverse=True)

    def variants_besides(self, identity: Identity, digests: Collection[str]) -> list[float | None]:
        """The Sharpe ratios of all variants but some of one model."""
        return [ratio for (model, digest), ratio in self.variants.items() if model != identity or digest not in digests]

    @property
    def sharpes(self) -> list[float]:
        """The annual Sharpe ratios that are known, of models and of variants."""
        every = [*(trial.sharpe for trial in self.models.values()), *self.variants.values()]
        return [ratio for ratio in every if ratio is not None]


def tries_on(trials: Iterable[Trial], question: str, data: str | None) -> Tries:
    """Count what was tried on a question and kind of data.

    Of equal models the training that was seen last stands for them, one whose forecasts are kept before one whose are
    not; of equal variants the ratio that was seen last.
    """
    models: dict[Identity, Trial] = {}
    first: dict[Identity, str] = {}
    variants: dict[tuple[Identity, str], float | None] = {}
    for trial in sorted(trials, key=lambda trial: trial.at):
        if (trial.question, trial.data) != (question, data):
            continue
        if not trial.is_training:
            for digest, ratio in trial.variants.items():
                key = (trial.identity, digest)
                variants[key] = variants.get(key) if ratio is None else ratio
        elif trial.counts:
            first.setdefault(trial.identity, trial.at)
            before = models.get(trial.identity)
            if before is None or before.forecasts is None or trial.forecasts is not None:
                models[trial.identity] = trial
    return Tries(models, first, variants)
