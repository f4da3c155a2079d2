"""Prefect's side: flows that run the stages of dvc.yaml."""

import aislewatch  # noqa: F401  before prefect: it turns the usage statistics off
