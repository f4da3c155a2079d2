"""Runs a watcher in a test, and holds what it told."""

import threading
from pathlib import Path

import yaml

from aislewatch.alerts.clips import Alert
from aislewatch.watch.follower import Follower
from aislewatch.watch.live_alerts import LiveChange
from aislewatch.watch.scorer import LiveModel
from aislewatch.watch.watched import Watched
from aislewatch.watch.watcher import CameraWatch
from tests.waiting import wait_for


class Told:
    """Runs a watcher in a thread, and holds what it told."""

    def __init__(
        self,
        folder: Path,
        cameras: list[dict[str, object]],
        models: list[LiveModel],
        queue_clips: int = 4,
    ):
        self.file, self.queue_clips = folder / "cameras.yaml", queue_clips
        self.changes: list[tuple[str, str, LiveChange]] = []
        self.live = folder / "live"
        self.write(cameras)
        self.watcher = CameraWatch(self.file, models, self.live, self, at_own_speed=False)
        self._thread = threading.Thread(target=self.watcher.run, daemon=True)
        self._thread.start()

    def write(self, cameras: list[dict[str, object]]) -> None:
        self.cameras = cameras
        watching = {
            "metrics_port": 0,
            "stall_s": 2.0,
            "backoff_s": 0.1,
            "queue_clips": self.queue_clips,
            "late_s": 1,
        }
        self.file.write_text(yaml.safe_dump({"watching": watching, "cameras": cameras}))

    def follow(self, one: Watched) -> None:
        """Nothing is kept."""

    def look(self) -> None:
        """Nothing is due."""

    def close(self) -> None:
        """Nothing is left."""

    def tell(self, one: Watched, model: LiveModel, happened: LiveChange) -> None:
        self.changes.append((one.camera.name, model.version, happened))

    def __enter__(self) -> "Told":
        wait_for(lambda: len(self.watcher.watched) == len(self.cameras))
        return self

    def __exit__(self, *_: object) -> None:
        self.watcher.stop()
        self.wait()

    def of(self, name: str) -> Follower:
        return self.watcher.watched[name].follower

    def wait(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive()

    def alerts(self, name: str, version: str = "1") -> list[Alert]:
        return [
            told.change.alert
            for camera, by, told in self.changes
            if (camera, by, told.session) == (name, version, 0) and told.change.kind == "ended"
        ]
