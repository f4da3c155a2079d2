"""A person's answer, given in Prefect: approve or decline the version that waits."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from aislewatch.config.params import load_params
from aislewatch.errors import AislewatchError, RegistryError
from flows.worktree import HOME


@flow(name="promote")
def promote(
    version: str,
    sha256: str,
    who: str,
    why: str,
    answer: Literal["approve", "decline"] = "approve",
    until: str = "",
) -> State[Any]:
    """Approve or decline a version that waits for people; refuse one that no longer does.

    Args:
        version: its number.
        sha256: its digest, so that nobody approves another one than they looked at.
        who: your name, for the audit.
        why: the reason, for the audit.
        answer: approve, or decline.
        until: when the question ends, as the form was filled in; "": not looked at.
    """
    # MLflow's import takes seconds, which listing the flows need not cost.
    from aislewatch.register import consent
    from aislewatch.register.lock import sole_change
    from aislewatch.register.versions import Registry
    from flows.answers import fill_form

    act = consent.approve if answer == "approve" else consent.decline
    try:
        name = load_params(_params()).register_.name
        with sole_change(name):
            registry = Registry(name)
            found = registry.get(version)
            if found.digest != sha256:
                raise RegistryError(
                    f"version {version} has the digest {found.digest}, not {sha256}: look again at "
                    "what you approve"
                )
            question = consent.find_question(registry)
            if until and question and datetime.fromisoformat(until) != question.until:
                raise RegistryError(
                    f"this form waits until {until}, and the question now until "
                    f"{question.until.isoformat()}: open the form again"
                )
            if not who.strip():
                raise RegistryError("say who you are: the audit needs a name")
            act(registry, found, who.strip(), why, datetime.now(UTC))
        fill_form(name)
    except AislewatchError as error:
        create_markdown_artifact(key="result", markdown=f"**Refused**\n\n```\n{error}\n```")
        return Failed(message=str(error))
    said = f"version {version} is {'champion now' if answer == 'approve' else 'declined'}"
    create_markdown_artifact(key="result", markdown=f"**{said}**\n\nby {who}: {why}")
    return Completed(message=said)


def _params() -> Path:
    """Return the params.yaml that the last retraining used; before it, the project's own."""
    used = HOME / "tree/params.yaml"
    return used if used.exists() else Path("params.yaml")
