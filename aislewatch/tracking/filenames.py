"""Names of the files in an execution's folder, and of the parent among its runs."""

# Who and what: written once by the first stage.
EXECUTION = "execution.json"
# The working tree's changes against its commit when the command began.
CHANGES = "changes.diff"
# dvc.yaml, the files it takes values from, and dvc.lock when the command began.
BEGINNING = "beginning"
# DVC's hashes of what no stage makes when the command began, by path.
HASHES = "hashes.json"
# The stages that dvc.yaml meant then, as DVC understands it; by the recorder.
PLAN = "plan.json"
# Held by the recorder while it lives.
RECORDING = "recorder.lock"
# What has been replayed: run ids and offsets, by the recorder.
STATE = "recorder.json"
# The command says that it is done while its process still lives.
FINISH = "finish.json"
# Nothing is left to record.
CLOSED = "closed.json"

# The parent run's key in STATE; a journal's runs are "<file>|<path>".
PARENT = "parent"
# By which MLflow shows a run nested in another.
PARENT_TAG = "mlflow.parentRunId"

# Where an execution's own files go among the artefacts of its parent run.
PROVENANCE = "provenance"
