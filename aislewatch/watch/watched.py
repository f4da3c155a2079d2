"""Holds what belongs to one camera while it is watched, and says who is told of its alerts."""

from collections import deque
from typing import Protocol

from aislewatch.monitor.cameras import CameraHealth
from aislewatch.watch.cameras_file import LiveCamera, Watching
from aislewatch.watch.follower import Follower
from aislewatch.watch.live_alerts import CameraAlerts, LiveChange
from aislewatch.watch.metrics import CameraFacts
from aislewatch.watch.scorer import LiveModel

# Scores kept of a camera, for the evidence of alerts: half a minute or more of any version's clips.
KEPT_SCORES = 100


class Watched:
    """One camera and what belongs to it while it is watched."""

    def __init__(
        self, camera: LiveCamera, follower: Follower, watching: Watching, models: list[LiveModel]
    ) -> None:
        self.camera, self.follower, self.watching = camera, follower, watching
        self.health = CameraHealth()
        # Connection, begin and end by its stream's clock, and score, of the last clips.
        self.scores: dict[str, deque[tuple[int, float, float, float]]] = {
            model.version: deque(maxlen=KEPT_SCORES) for model in models
        }
        self.alerts = [CameraAlerts(model.rule) for model in models]
        self.facts = CameraFacts(follower)


class Listener(Protocol):
    """Is told of alerts."""

    def tell(self, one: Watched, model: LiveModel, happened: LiveChange) -> None:
        """Take in what happened to an alert that a version raised of a camera."""

    def look(self) -> None:
        """Do what has become due; called often."""

    def close(self) -> None:
        """Do what is left: no alert comes any more."""
