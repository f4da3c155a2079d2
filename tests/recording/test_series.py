"""Figures over time are one run of MLflow, to which each monitoring adds a point."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from aislewatch.recording.series import SERIES, add_points


def test_each_monitoring_adds_a_point_to_the_same_run(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mlflow.db").write_bytes(empty_store.read_bytes())
    address = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    first = datetime(2026, 3, 1, 3, tzinfo=UTC)
    url = add_points("monitoring", {"shop/till/light": 116.0, "drift": 0.0}, first)
    night = first + timedelta(days=1)
    assert add_points("monitoring", {"shop/till/light": 77.0, "drift": 1.0}, night) == url
    client = MlflowClient(address)
    experiments = [found.experiment_id for found in client.search_experiments()]
    [run] = client.search_runs(experiments, f"tags.`{SERIES}` = 'monitoring'")
    assert run.info.run_id in url
    points = client.get_metric_history(run.info.run_id, "shop/till/light")
    assert [(point.value, point.timestamp) for point in points] == [
        (116.0, int(first.timestamp()) * 1000),
        (77.0, int(night.timestamp()) * 1000),
    ]
    assert client.get_metric_history(run.info.run_id, "drift")[-1].value == 1.0
