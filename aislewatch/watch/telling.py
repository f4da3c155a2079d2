"""Tells people of alerts as they happen."""

import logging
import time
from datetime import UTC, datetime

from aislewatch.watch.live_alerts import LiveChange
from aislewatch.watch.scorer import LiveModel
from aislewatch.watch.watcher import Watched

log = logging.getLogger(__name__)


class Teller:
    """Logs each alert when it is raised and when it ends; a challenger's are marked.

    Args:
        champion: whose alerts are people's; those of any other version are of a shadow.
    """

    def __init__(self, champion: LiveModel) -> None:
        self._champion = champion

    def tell(self, one: Watched, model: LiveModel, happened: LiveChange) -> None:
        """Take in what happened to an alert of a camera."""
        alert, kind = happened.change.alert, happened.change.kind
        if kind == "extended":
            return
        began = moment(happened.captured_at(alert.start_s))
        shadow = "" if model is self._champion else f" by the shadow, version {model.version}"
        words = "ALERT" if kind == "raised" else "alert ended"
        lasted_s = alert.end_s - alert.start_s
        log.warning(
            "%s: %s%s, from %s for %.1f s, score %.3f",
            one.camera.name,
            words,
            shadow,
            f"{began:%Y-%m-%dT%H:%M:%SZ}",
            lasted_s,
            alert.peak_score,
        )


def moment(monotonic_s: float) -> datetime:
    """Return the time of day, UTC, of a second of the monotonic clock, as clocks are set now."""
    return datetime.fromtimestamp(time.time() - time.monotonic() + monotonic_s, UTC)
