"""Delete for good what was deleted in MLflow days ago: ``python retention.py 30``.

A run deleted in MLflow's pages keeps its rows and artifacts for ever; ``mlflow gc`` deletes them,
but also those of which a registered version is made. Such runs stay here, whoever deleted them.
"""

import os
import subprocess
import sys
import time

from sqlalchemy import create_engine, text

# A version names its run, or a place below that run's artifacts.
UNUSED = text("""
    SELECT run_uuid FROM runs
    WHERE lifecycle_stage = 'deleted' AND deleted_time <= :until AND NOT EXISTS (
        SELECT 1 FROM model_versions AS version
        WHERE version.run_id = run_uuid
        OR version.source LIKE '%' || run_uuid || '%'
        OR version.storage_location LIKE '%' || run_uuid || '%')
    ORDER BY run_uuid
""")


def main(days: float) -> None:
    """Delete the runs that were deleted more than some days ago and that no version needs."""
    until = int((time.time() - days * 24 * 3600) * 1000)
    store = os.environ["MLFLOW_BACKEND_STORE_URI"]
    with create_engine(store).connect() as database:
        runs = [row.run_uuid for row in database.execute(UNUSED, {"until": until})]
    if runs:
        command = ["mlflow", "gc", "--backend-store-uri", store, "--run-ids", ",".join(runs)]
        subprocess.run(command, check=True)
    print(f"{len(runs)} runs are deleted for good")


if __name__ == "__main__":
    main(float(sys.argv[1]))
