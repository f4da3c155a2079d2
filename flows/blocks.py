"""The notification block that `make deploy` makes of an address in the environment."""

import os
from contextlib import suppress
from typing import Any

from apprise import Apprise
from prefect.blocks.notifications import SlackWebhook
from pydantic import SecretStr

from aislewatch.errors import PipelineError

# An address of a webhook or of apprise (mailto:, json:, teams: …); a secret, so never in a file
# that git keeps.
VARIABLE = "AISLEWATCH_NOTIFY"

NAME = "aislewatch"


def ensure_block() -> list[str]:
    """Make the block ``slack-webhook/aislewatch`` of the address, or correct it where it differs.

    Without an address nothing is touched: a person may have made the block.

    Raises:
        PipelineError: it is no address of apprise.
    """
    address = os.environ.get(VARIABLE)
    if not address:
        return []
    if not Apprise().add(address):
        raise PipelineError(f"{VARIABLE} is no address that apprise knows; correct it")
    known: Any = None
    with suppress(ValueError):  # there is none
        known = SlackWebhook.load(NAME)
    if known is not None and known.url.get_secret_value() == address:
        return []
    SlackWebhook(url=SecretStr(address)).save(NAME, overwrite=True)
    return [f"{'corrected' if known else 'made'} the block slack-webhook/{NAME}"]
