"""Tells people what came of a retraining, by the notification block that they set up in Prefect."""

import json
from typing import Any
from urllib.parse import quote

from prefect import get_run_logger
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_UI_URL

PROMOTE = "promote/promote"


def notify_people(block: str, subject: str, text: str) -> None:
    """Send a message by a block of Prefect's; a message that fails is told in the log alone.

    Args:
        block: its type and name, as ``slack-webhook/shop``; "": nobody is told.
        subject: in a line.
        text: markdown.
    """
    if not block:
        return
    try:
        channel: Any = Block.load(block)
        if not isinstance(channel, NotificationBlock):
            raise TypeError(f"a {type(channel).__name__} notifies nobody")
        notify: Any = channel.notify  # Prefect's own type is that of an event loop
        notify(body=text, subject=subject)
    except Exception as error:
        # Whatever a channel raises: what was trained is there, and its result must not be lost.
        get_run_logger().error("nobody was told by the block %s: %s", block, error)


def promotion_form(version: str, sha256: str) -> str:
    """Return the address of the form that approves a version; "" without its deployment."""
    with get_client(sync_client=True) as client:
        try:
            found = client.read_deployment_by_name(PROMOTE)
        except ObjectNotFound:
            return ""
    filled = quote(json.dumps({"version": version, "sha256": sha256}))
    return f"{PREFECT_UI_URL.value()}/deployments/deployment/{found.id}/run?parameters={filled}"
