"""Tells people what came of a retraining, by the notification block that they set up in Prefect."""

from typing import Any

from prefect import get_run_logger
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block


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
