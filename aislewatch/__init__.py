"""Aislewatch: from a shop's CCTV footage to a registered shoplifting detector."""

import gc
import os

# Python looks for garbage after every 700 new objects. Imports make a million that live as long as
# the process: of the 5.9 s of CPU that stage register needs to begin, 1 s was that search. Objects.
gc.set_threshold(50_000)

# torch's OpenMP threads spin while they wait for each other. Beside other processes (the recorder,
# Prefect) that starves the very threads they wait for: on two busy cores a training step took 2 s
# spinning and 0.3 s sleeping. Read when torch is loaded, so it is set before anything of ours is.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"

# A shop's pipeline calls nobody: the libraries' usage statistics are off unless a user turns them
# on, before any of them is imported. Makefile, prefect.yaml and docker/Dockerfile say the same to
# commands that are not ours.
SWITCHES = {
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}
for _switch, _off in SWITCHES.items():
    os.environ.setdefault(_switch, _off)

# A model is a few small files; MLflow's bar for each only clutters the terminal.
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
