"""Notices what is wrong with cameras while they are watched, and tells each trouble once."""

import logging

import numpy as np

from aislewatch.watch.notices import Notices
from aislewatch.watch.reasons import with_remedy
from aislewatch.watch.watched import Watched

log = logging.getLogger(__name__)

NO_FRAMES, LATE = "no frames", "late"


class Troubles:
    """Tells people of a camera's troubles: no frames, lateness, a picture that shows nothing.

    Args:
        settle_s: seconds without a trouble after which it is over.
    """

    def __init__(self, settle_s: float) -> None:
        self._notices = Notices(settle_s)

    def look(self, one: Watched, size: int, now_s: float) -> None:
        """Look at a camera's state and at its newest frame, ``size`` pixels a side."""
        counts, state = one.follower.counts, one.follower.state
        lost = state in ("waiting", "connecting") and counts.last_words
        self.note(one, NO_FRAMES, with_remedy(counts.last_words) if lost else "", now_s)
        self._look_at_picture(one, size, now_s)

    def note_lateness(self, one: Watched, limit_s: float, now_s: float) -> None:
        """Take note of whether a camera's clips are scored too late."""
        words = (
            f"its clips are scored {one.facts.late_s:.1f} s after they were seen, above "
            f"{limit_s:g} -> watch fewer cameras here, or look at its network"
        )
        self.note(one, LATE, words if one.facts.is_late else "", now_s)

    def settle(self, now_s: float) -> None:
        """Tell which troubles are over."""
        for message in self._notices.settled(now_s):
            log.info("%s", message)

    def forget(self, camera: str) -> None:
        """Forget a camera that is not watched any more."""
        self._notices.forget(camera)

    def note(self, one: Watched, kind: str, words: str, now_s: float) -> None:
        """Take note of a trouble, or with no words that it is not there; tell it once."""
        name = one.camera.name
        if not words:
            one.facts.troubles.discard(kind)
            self._notices.end(name, kind, now_s)
            return
        one.facts.troubles.add(kind)
        message = self._notices.begin(name, kind, words, now_s)
        if message:
            log.warning("%s", message)

    def _look_at_picture(self, one: Watched, size: int, now_s: float) -> None:
        frame = one.follower.newest
        if frame is None:
            return
        grey_HW = np.frombuffer(frame.i420, np.uint8, size * size).reshape(size, size)
        for notice in one.health.update(grey_HW, frame.captured_s):
            words = "" if notice.over else notice.describe().removeprefix(f"{notice.fault}: ")
            self.note(one, str(notice.fault), words, now_s)
