"""The form in Prefect's pages by which a person answers: filled in with the version that waits.

The deployment's own parameters are what its form shows, so nobody copies a digest by hand, wherever
they come from.
"""

import json
from urllib.parse import quote

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.settings import PREFECT_UI_URL

from aislewatch.register.consent import Question, find_question
from aislewatch.register.versions import Registry
from flows.server import deployed_here

FORM = "promote"

NOBODY = "Nothing waits for an answer now."


def fill_form(name: str) -> str:
    """Fill in the form with the version of a model that waits, or empty it.

    Args:
        name: the registered model's.

    Returns:
        The form's address; "" where nothing waits, or the project's flows are not deployed.
    """
    question = find_question(Registry(name))
    with get_client(sync_client=True) as client:
        found = [one for one in deployed_here(client) if one.name == FORM]
        if not found:
            return ""
        filled = answer_to(question) if question else {}
        text = NOBODY
        if question:
            text = f"Version {question.version.version} waits until {filled['until']}."
        client.update_deployment(found[0].id, DeploymentUpdate(parameters=filled, description=text))
    if not question:
        return ""
    page = f"{PREFECT_UI_URL.value()}/deployments/deployment/{found[0].id}/run"
    return f"{page}?parameters={quote(json.dumps(filled))}"


def answer_to(question: Question) -> dict[str, str]:
    """Return the parameters of `promote` that say what a person was shown."""
    version = question.version
    return {
        "version": version.version,
        "sha256": version.digest,
        "until": question.until.isoformat(),
    }
