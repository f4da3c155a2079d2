"""What a person sees first in MLflow: the view of a training, and a night's figures as columns."""

import json
from collections.abc import Mapping

# What an experiment is of, to those of MLflow's versions and pages that ask its tag.
KIND, TRAINING = "mlflow.experimentKind", "custom_model_development"

# MLflow 3.17's own page asks its address, else what was clicked last, else takes it for GenAI's.
VIEW = "workflowType=machine_learning"

# Of the registered model, on the night's own row: what a shop feels, and the paper's figures. Each
# by the name that evaluate logs it by, and by that of its file, which a restored run has it by.
HEADLINE = {
    "test.accuracy": "test.accuracy",
    "test.auc": "test.auc",
    "test.event_recall": "alerts.recall.value",
    "test.false_alarms_per_hour": "alerts.false_alarms_per_hour",
    "test.alert_share": "alerts.alert_share",
}
# Tags of the register stage's run that say what became of it.
REGISTERED = ("model", "version", "promoted", "verdict")

# MLflow 3.17 shows no metric in a list of runs that nobody has chosen; a view that its page calls
# shared is an experiment's tag, and an address names it.
SHARE_KEY = "nights"
_COLUMNS = [
    "attributes.`Duration`",
    *(f"metrics.`{name}`" for name in HEADLINE),
    *(f"tags.`{name}`" for name in REGISTERED[:3]),
]
TAGS = {
    KIND: TRAINING,
    f"mlflow.sharedViewState.{SHARE_KEY}": json.dumps({"selectedColumns": _COLUMNS}),
}

# The page of an experiment where nights are compared.
COMPARISON = f"runs?{VIEW}&viewStateShareKey={SHARE_KEY}"


def headline(measured: Mapping[str, float]) -> dict[str, float]:
    """Pick a night's figures from the metrics of its evaluation, made or restored."""
    found = {name: measured.get(name, measured.get(other)) for name, other in HEADLINE.items()}
    return {name: value for name, value in found.items() if value is not None}
