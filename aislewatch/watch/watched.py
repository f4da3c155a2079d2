"""Holds what belongs to one camera while it is watched, and says who is told of its alerts."""

from collections import deque
from typing import Protocol

from aislewatch.alerts.clips import ScoredClip
from aislewatch.monitor.cameras import CameraHealth
from aislewatch.watch.cameras_file import LiveCamera, Watching
from aislewatch.watch.follower import Follower
from aislewatch.watch.live_alerts import CameraAlerts, LiveChange
from aislewatch.watch.metrics import CameraFacts
from aislewatch.watch.scorer import LiveModel

# Scores kept of a camera, for evidence and footage: four minutes of the shortest clips (0.4 s).
KEPT_SCORES = 600


class Watched:
    """One camera and what belongs to it while it is watched."""

    def __init__(
        self, camera: LiveCamera, follower: Follower, watching: Watching, models: list[LiveModel]
    ) -> None:
        self.camera, self.follower, self.watching = camera, follower, watching
        self.health = CameraHealth()
        self.operating = ""  # sha256 of the operating point
        # Connection, and by its stream's clock the last clips.
        self.scores: dict[str, deque[tuple[int, ScoredClip]]] = {
            model.version: deque(maxlen=KEPT_SCORES) for model in models
        }
        self.alerts = [CameraAlerts(model.rule) for model in models]
        self.facts = CameraFacts(follower)


class Listener(Protocol):
    """Is told of cameras that are followed, and of their alerts."""

    def follow(self, one: Watched) -> None:
        """Take in that a camera is followed from now on."""

    def tell(self, one: Watched, model: LiveModel, happened: LiveChange) -> None:
        """Take in what happened to an alert that a version raised of a camera."""

    def look(self) -> None:
        """Do what has become due; called often."""

    def close(self) -> None:
        """Do what is left: no alert comes any more."""


class Listeners:
    """Passes on to several listeners, in their order."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def follow(self, one: Watched) -> None:
        """Tell each that a camera is followed from now on."""
        for listener in self._listeners:
            listener.follow(one)

    def tell(self, one: Watched, model: LiveModel, happened: LiveChange) -> None:
        """Tell each what happened to an alert."""
        for listener in self._listeners:
            listener.tell(one, model, happened)

    def look(self) -> None:
        """Let each do what is due."""
        for listener in self._listeners:
            listener.look()

    def close(self) -> None:
        """Let each do what is left."""
        for listener in self._listeners:
            listener.close()
