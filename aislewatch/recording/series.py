"""Keeps figures over time as one run of MLflow, to which every monitoring adds a point."""

from collections.abc import Mapping
from datetime import datetime

from mlflow.entities import Metric

from aislewatch.recording.client import (
    connect,
    find_runs,
    log_metrics,
    run_url,
    sole_user,
    tag_name,
)

# Tag of the run that holds a series; the value is its name.
SERIES = "aislewatch.series"


def add_points(name: str, values: Mapping[str, float], at: datetime) -> str:
    """Add a point to each of a series' figures; the first makes the run.

    Args:
        name: of the series, and of its run.
        values: by figure; what MLflow forbids in a name becomes ``:``.
        at: the point's time; its step is the same in whole seconds.

    Returns:
        Where a person opens the run.

    Raises:
        RegistryError: MLflow does not answer.
    """
    client, experiment = connect()
    with sole_user(f"series {name}"):
        found = find_runs(client, experiment, {SERIES: name})
        if found:
            run_id = found[0].info.run_id
        else:
            run = client.create_run(experiment, run_name=name, tags={SERIES: name})
            run_id = run.info.run_id
            client.set_terminated(run_id)
        seconds = int(at.timestamp())
        points = [
            Metric(tag_name(key), value, seconds * 1000, seconds) for key, value in values.items()
        ]
        log_metrics(client, run_id, points)
    return run_url(str(run_id))
