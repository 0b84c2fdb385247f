"""The record of event odds as an MLflow run, in an experiment of its own: no model can be promoted from it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
from mlflow.entities import Metric, Param

from bullbear.definitions import UP
from bullbear.forecasting.odds_record import OddsRecord
from bullbear.tracking.mlflow_store import connect, experiment_of, require_ready

EXPERIMENT = "bullbear-odds"


def require_ready_for_odds(runs: Path) -> None:
    """Check, before the record is computed, that it can be logged; see `require_ready`."""
    require_ready(runs, EXPERIMENT)


def log_odds(runs: Path, record: OddsRecord) -> str:
    """Log a record and return its run id; a failed attempt leaves a run marked as failed."""
    client = connect(runs)
    tags = {
        "mlflow.note.content": "Event odds at every past close, scored against the base rate.",
        "mlflow.source.name": "bullbear odds --history",
        "data": "SIMULATED" if record.simulated else "real",
    }
    asked = [] if record.question == UP.name else [record.question]
    run = client.create_run(
        experiment_of(client, EXPERIMENT, runs),
        run_name=" ".join(["odds", record.ticker, *asked, str(record.horizon)]),
        tags=tags,
    )
    run_id = str(run.info.run_id)
    try:
        params = [Param("ticker", record.ticker), Param("horizon", str(record.horizon))]
        params += [Param("question", each) for each in asked]
        client.log_batch(run_id, metrics=_metrics(record), params=params)
        with tempfile.TemporaryDirectory(prefix="bullbear-") as folder:
            staged = Path(folder)
            (staged / "events.json").write_text(record.definition.model_dump_json(indent=1), encoding="utf-8")
            (staged / "predictions.csv").write_text(record.predictions.to_csv(), encoding="utf-8")
            (staged / "record.json").write_text(json.dumps(record.as_dict(), indent=1), encoding="utf-8")
            client.log_artifacts(run_id, str(staged))
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id, "FINISHED")
    return run_id


def _metrics(record: OddsRecord) -> list[Metric]:
    found = record.pooled
    plain = {
        "skill/bss": found.bss,
        "skill/bss_low": found.bss_low,
        "skill/bss_high": found.bss_high,
        "skill/log_loss_skill": found.log_loss_skill,
        "skill/auc": found.auc,
        "calibration/ece": found.ece,
        "size/n": float(found.n),
        "size/n_effective": found.n_effective,
    }
    for each in record.events:
        plain[f"raw_bss/{each.event}"] = each.raw_bss
        plain[f"shrunk_bss/{each.event}"] = each.shrunk_bss
        plain[f"raw_ece/{each.event}"] = each.ece
        plain[f"days_active/{each.event}"] = float(each.signals)
    # MLflow plots NaN as a gap at best; an undetermined number is simply not logged.
    return [Metric(name, float(value), 0, 0) for name, value in plain.items() if np.isfinite(value)]
