"""Watches all cameras of cameras.yaml: scores their clips together, tells alerts and troubles."""

import logging
import threading
import time
from collections.abc import Collection
from pathlib import Path

from aislewatch.errors import ConfigError, ModelError
from aislewatch.watch.batches import ClipScoring, take
from aislewatch.watch.cameras_file import Cameras, LiveCamera, read_cameras
from aislewatch.watch.follower import Follower
from aislewatch.watch.metrics import LiveMetrics
from aislewatch.watch.operating import write_operating_point
from aislewatch.watch.scorer import LiveModel
from aislewatch.watch.troubles import Troubles
from aislewatch.watch.watched import Listener, Watched
from aislewatch.watch.zones import check_zones

log = logging.getLogger(__name__)

# Seconds between two looks at cameras.yaml and at the cameras' health.
LOOK_S = 1.0


class CameraWatch:
    """Follows the cameras of a file, which may change at any time.

    Args:
        file: cameras.yaml.
        models: the champion, and challengers that score the same clips beside it.
        live: the folder of what is kept.
        listener: told of alerts.
        at_own_speed: whether files are played as slowly as they were filmed.

    Raises:
        ConfigError: cameras.yaml is missing or wrong.
        ModelError: a challenger is shown other clips than the champion.
    """

    def __init__(
        self,
        file: Path,
        models: list[LiveModel],
        live: Path,
        listener: Listener,
        at_own_speed: bool = True,
    ) -> None:
        self._file, self._models, self._live, self._listener = file, models, live, listener
        self._at_own_speed = at_own_speed
        _check_shadows(models)
        self._cameras = self._read()
        self._seen = _stamp(file)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._leaving: list[Watched] = []
        self.watched: dict[str, Watched] = {}
        self._troubles = Troubles(self._cameras.watching.settle_s)
        self.metrics = LiveMetrics(
            lambda: {name: one.facts for name, one in dict(self.watched).items()}
        )
        self._scoring = ClipScoring(models, listener, self.metrics, self._troubles)

    def run(self) -> None:
        """Watch until ``stop`` is called, or all cameras are files that were played to their end.

        Raises:
            PipelineError: the port of the metrics is taken.
        """
        if self._cameras.watching.metrics_port:
            port = self.metrics.serve(self._cameras.watching.metrics_port)
            log.info("metrics: http://127.0.0.1:%d/metrics", port)
        try:
            self._follow(self._cameras)
            looked_s = time.monotonic()
            while not self._stopping.is_set():
                # One batch a turn: of clips that come too fast there is always one more.
                if batch := take(self.watched.values()):
                    self._scoring.score(batch, self._cameras.watching.late_s)
                else:
                    self._wake.wait(LOOK_S / 2)
                    self._wake.clear()
                self._listener.look()
                if time.monotonic() - looked_s >= LOOK_S:
                    looked_s = time.monotonic()
                    self._look()
                if _has_ended(self.watched.values()):
                    break
        finally:
            for one in self.watched.values():
                self._leave(one)
            for one in self._leaving:
                one.follower.join()
            self._listener.close()
            self.metrics.close()

    def stop(self) -> None:
        """Ask to end; ``run`` returns when all processes are gone."""
        self._stopping.set()
        self._wake.set()

    def _look(self) -> None:
        """Look at cameras.yaml and at each camera's state, and tell what people should know."""
        now_s = time.monotonic()
        self._leaving = [one for one in self._leaving if not one.follower.is_gone()]
        self._reread()
        for one in self.watched.values():
            self._troubles.look(one, self._models[0].detector.config.frame_size, now_s)
        self._troubles.settle(now_s)

    def _reread(self) -> None:
        stamp = _stamp(self._file)
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._cameras = self._read()
        except ConfigError as error:
            log.warning("%s\nthe cameras are watched as before", error)
            return
        self._follow(self._cameras)

    def _follow(self, cameras: Cameras) -> None:
        """Begin and end to follow, so that exactly the cameras of the file are followed."""
        wanted = {camera.name: camera for camera in cameras.cameras}
        for name, one in list(self.watched.items()):
            camera = wanted.get(name)
            if camera is None or camera.address != one.camera.address:
                self._leave(self.watched.pop(name))
                self._troubles.forget(name)
                log.info("%s: not watched any more", name)
            else:
                one.camera = camera
        for name, camera in wanted.items():
            if name not in self.watched:
                self.watched[name] = self._begin(camera)
                log.info("%s: %s, %s", name, camera.role, camera.shown)
        if not wanted:
            log.warning("%s names no camera -> add one; it is read again then", self._file)
        digest = _note_operating_point(self._live, cameras, self._models[0])
        for one in self.watched.values():
            one.operating = digest

    def _read(self) -> Cameras:
        cameras, champion = read_cameras(self._file), self._models[0]
        if champion.people() is None:
            check_zones(cameras, champion.version)
        return cameras

    def _begin(self, camera: LiveCamera) -> Watched:
        config = self._models[0].detector.config
        follower = Follower(
            camera,
            self._cameras.watching,
            config.fps,
            config.frame_size,
            self._models[0].new_window(),
            self._wake.set,
            self._at_own_speed,
            self._models[0].people(),
        )
        follower.start()
        one = Watched(camera, follower, self._cameras.watching, self._models)
        self._listener.follow(one)
        return one

    def _leave(self, one: Watched) -> None:
        one.follower.stop()
        for model, alerts in zip(self._models, one.alerts, strict=True):
            for change in alerts.close():
                self._listener.tell(one, model, change)
        self._leaving.append(one)


def _note_operating_point(live: Path, cameras: Cameras, model: LiveModel) -> str:
    """Write what alerts are raised by; return its sha256, empty where it cannot be written."""
    try:
        digest = write_operating_point(live, cameras, model)
    except OSError as error:
        log.warning(
            "the operating point cannot be written (%s) -> see to the disk; alerts state none "
            "until cameras.yaml is changed again",
            error.strerror,
        )
        return ""
    log.info("operating point %s", digest[:12])
    return digest


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _check_shadows(models: list[LiveModel]) -> None:
    for other in models[1:]:
        if not models[0].looks_like(other):
            raise ModelError(
                f"version {other.version} of {other.name} is shown other clips than version "
                f"{models[0].version}, and cannot score those of its cameras; choose a shadow "
                "of the same frames, clips and people"
            )


def _has_ended(watched: Collection[Watched]) -> bool:
    return bool(watched) and all(
        one.follower.state == "ended" and not one.follower.clips.count for one in watched
    )
