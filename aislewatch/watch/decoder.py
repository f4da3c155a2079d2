"""Tells what decodes a camera's stream, and when a device is given up."""

import logging

from aislewatch.watch.messages import PROCESSOR

log = logging.getLogger(__name__)


class PictureDecoder:
    """Knows what decodes the newest connection of a camera.

    Args:
        camera: its name.
        is_device_wanted: whether a device is to decode where one is there.
    """

    def __init__(self, camera: str, is_device_wanted: bool) -> None:
        self.kind = PROCESSOR
        self._camera, self._is_device_wanted = camera, is_device_wanted
        self._told = ""

    def begin(self) -> None:
        """Take note that a connection begins: nothing is decoded yet."""
        self.kind = PROCESSOR

    def note(self, kind: str) -> None:
        """Take note of what decodes, as a connection states it; tell it where it is another."""
        self.kind = kind
        if self._is_device_wanted and kind != self._told:
            self._told = kind
            why = " (no device is there that can)" if kind == PROCESSOR else ""
            log.info("%s: decoded by %s%s", self._camera, kind, why)

    def is_given_up(self, why: str) -> bool:
        """Say of a connection without a frame whether a device is to blame; tell it.

        A device may open, and yet decode nothing: out of memory or of sessions.

        Args:
            why: the connection ended, in words.
        """
        if self.kind == PROCESSOR:
            return False
        log.warning(
            "%s: %s gave no picture of its stream (%s) -> the CPU decodes it until the next start",
            self._camera,
            self.kind,
            why,
        )
        return True
