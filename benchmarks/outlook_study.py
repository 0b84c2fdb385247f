"""The tables of docs/outlook.md: the outlook, each of its members alone, and the anchors to beat.

    BULLBEAR_SNAPSHOT=../snapshot python -m benchmarks.outlook_study

An anchor is a member's distribution as it comes, without the correction of its mean, pool and calibration. Figures are
Brier skill against the expanding base rate in per cent, with 90 % intervals by the stationary bootstrap.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from benchmarks.market import home
from bullbear.dataset import build_all
from bullbear.learn import Training, train_all
from bullbear.learn.learner import factor_matrix
from bullbear.learn.learners.distribution import FittedDistribution
from bullbear.sessions import days
from bullbear.statistics.bootstrap import Interval, Resamples, resample

ANCHORS = {"GARCH alone": "garch", "VIX alone": "implied"}
FIVE_YEARS = ((2005, 2009), (2010, 2014), (2015, 2019))


def main() -> None:
    model = home().model("outlook")
    definition = model.definition
    targets = definition.targets
    examples = build_all(home().store().as_of(), model.feature_sets, targets)

    def trained(*members: str) -> list[Training]:
        chosen = tuple(member for member in definition.member if member.name in members)
        changed: dict[str, object] = {"member": chosen, **({"pool": {}} if len(chosen) == 1 else {})}
        return train_all(definition.model_copy(update=changed), model.feature_sets, examples)

    names = [member.name for member in definition.member]
    alone = {name: trained(name) for name in names}
    whole = trained(*names)
    months = whole[0].predictions.table
    known = np.all([each.predictions.table["y"].notna() for each in whole], axis=0)
    horizon, years = targets[0].horizon, months["decided_at"].dt.year.to_numpy()[known]
    y = [each.predictions.table["y"].to_numpy()[known] for each in whole]
    base = [each.predictions.table["climatology"].to_numpy()[known] for each in whole]
    said: dict[str, list[np.ndarray]] = {}
    for title, name in ANCHORS.items():
        said[title] = [_as_it_comes(each, of.X)[known] for each, of in zip(alone[name], examples, strict=True)]
    for name in names:
        said[name] = [each.predictions.table["p"].to_numpy()[known] for each in alone[name]]
    said["outlook"] = [each.predictions.table["p"].to_numpy()[known] for each in whole]
    losses = {title: [(p - of) ** 2 for p, of in zip(each, y, strict=True)] for title, each in said.items()}
    rivals = [(c - of) ** 2 for c, of in zip(base, y, strict=True)]

    first, last = months["decided_at"].min(), months["decided_at"][known].max()
    print(f"{known.sum()} decisions, {first:%Y-%m-%d} to {last:%Y-%m-%d}")
    print("| question | base rate | " + " | ".join(said) + " |")
    draws = resample(int(known.sum()), horizon)
    for number, target in enumerate(targets):
        cells = [_shown(_mean_skill([losses[title][number]], [rivals[number]], draws)) for title in said]
        print(f"| {target.question.name} | {y[number].mean():.2f} | " + " | ".join(cells) + " |")
    _rows_of_means(losses, rivals, draws, "mean")
    for first, last in FIVE_YEARS:
        rows = (years >= first) & (years <= last)
        if rows.sum() < 8 * horizon:
            continue
        part = {title: [loss[rows] for loss in each] for title, each in losses.items()}
        _rows_of_means(part, [loss[rows] for loss in rivals], resample(int(rows.sum()), horizon), f"{first}-{last}")
    for title in [each for each in said if each != "outlook"]:
        columns = [*losses["outlook"], *losses[title]]
        gain = _mean_skill(columns, [*rivals, *rivals], draws, less=len(targets))
        better = sum(losses["outlook"][number].mean() < losses[title][number].mean() for number in range(len(targets)))
        print(f"outlook less {title}: {_shown(gain)} points; better on {better} of {len(targets)}")


def _as_it_comes(training: Training, X: pd.DataFrame) -> np.ndarray:
    """P(yes) by the distribution of the only member, of every reported decision."""
    table = training.predictions.table
    found, sessions = np.full(len(table), np.nan), days(pd.DatetimeIndex(table["decided_at"]))
    closes = np.array([model.trained_through.value for model in training.models])
    decided = table["decided_at"].astype("datetime64[ns, UTC]").astype("int64").to_numpy()
    fold = np.searchsorted(closes, decided, side="left") - 1
    for number, model in enumerate(training.models):
        rows = np.flatnonzero(fold == number)
        if len(rows):
            member = model.members[0]
            fitted = member.of_asset(model.asset)
            assert isinstance(fitted, FittedDistribution)
            factors = X.loc[sessions[rows]]
            found[rows] = fitted.probability(factor_matrix(factors, member.factors))
    return found


def _mean_skill(losses: list[np.ndarray], rivals: list[np.ndarray], draws: Resamples, *, less: int = 0) -> Interval:
    """The mean skill over columns; with `less`, that of the first so many less that of the others."""
    k = len(losses)

    def skill(means: np.ndarray) -> np.ndarray:
        each = 100.0 * (1.0 - means[:, :k] / means[:, k:])
        return each[:, :less].mean(axis=1) - each[:, less:].mean(axis=1) if less else each.mean(axis=1)

    return draws.ratio(np.column_stack([*losses, *rivals]), skill)


def _rows_of_means(
    losses: Mapping[str, list[np.ndarray]], rivals: list[np.ndarray], draws: Resamples, title: str
) -> None:
    cells = [_shown(_mean_skill(each, rivals, draws)) for each in losses.values()]
    print(f"| {title} | | " + " | ".join(cells) + " |", flush=True)


def _shown(found: Interval) -> str:
    return f"{found.estimate:+.1f} [{found.low:+.1f}, {found.high:+.1f}]"


if __name__ == "__main__":
    main()
