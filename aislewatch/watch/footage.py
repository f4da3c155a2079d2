"""Keeps every camera's stream as files of footage, each with the champion's scores beside it."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path

from aislewatch.config.desk import Reviewing
from aislewatch.errors import DeskError
from aislewatch.evidence.kept import FOOTAGE, Spans, delete_footage
from aislewatch.watch.footage_file import FootageJob, write_job
from aislewatch.watch.live_alerts import LiveChange
from aislewatch.watch.processes import start
from aislewatch.watch.scorer import LiveModel
from aislewatch.watch.segments import KeptSegment
from aislewatch.watch.telling import moment
from aislewatch.watch.troubles import Troubles
from aislewatch.watch.watched import Watched

log = logging.getLogger(__name__)

UNKEPT = "footage"

# Files written at once; each takes a core for some tenths of a second.
WRITERS = 1

# Segments of all cameras that may wait for the disk; of more, the oldest is lost and told.
MOST_WAITING = 32

# Seconds that a segment waits for the scores of its last clips: they are late, or nobody scores.
PATIENCE_S = 15.0

# Seconds between two looks at how much is kept.
LOOK_S = 60.0


@dataclass
class _SegmentWaiting:
    """A segment whose scores may still come."""

    one: Watched
    segment: KeptSegment
    until_s: float


class FootageKeeper:
    """Writes the segments of every followed camera, and deletes what is kept too long.

    What cannot be written is told once, and lost; alerts go on.

    Args:
        live: the folder of what is kept.
        champion: whose scores are kept.
        settings: section ``desk`` of params.yaml: how long, and how much at most.
        needed: tells what a hold needs, which is not deleted.
        settle_s: seconds without a trouble after which it is over.
    """

    def __init__(
        self,
        live: Path,
        champion: LiveModel,
        settings: Reviewing,
        needed: Callable[[], Spans],
        settle_s: float,
    ) -> None:
        self._live, self._champion = live, champion
        self._settings, self._needed = settings, needed
        self._troubles = Troubles(settle_s)
        self._cameras: list[Watched] = []
        self._waiting: list[_SegmentWaiting] = []
        self._running: list[tuple[BaseProcess, Watched]] = []
        self._looked_s = float("-inf")
        self._deleting: threading.Thread | None = None

    def follow(self, one: Watched) -> None:
        """Keep a camera's footage from now on."""
        self._cameras.append(one)

    def tell(self, one: Watched, model: LiveModel, happened: LiveChange) -> None:
        """Take no notice: alerts have evidence of their own."""

    def look(self) -> None:
        """Write what is whole; called often."""
        now_s = time.monotonic()
        for one in list(self._cameras):
            is_gone = one.follower.is_gone()
            self._collect(one, now_s)
            if is_gone:
                self._cameras.remove(one)
        for process, one in list(self._running):
            if process.exitcode is not None:
                self._running.remove((process, one))
                self._end(process, one, now_s)
        for waiting in list(self._waiting):
            if len(self._running) >= WRITERS:
                break
            if self._is_scored(waiting.one, waiting.segment) or now_s >= waiting.until_s:
                self._waiting.remove(waiting)
                self._write(waiting)
        if now_s - self._looked_s >= LOOK_S and not (self._deleting and self._deleting.is_alive()):
            self._looked_s = now_s
            # In a thread: of a shop's thousands of files each is looked at.
            self._deleting = threading.Thread(target=self._delete, daemon=True)
            self._deleting.start()
        self._troubles.settle(now_s)

    def close(self) -> None:
        """Write all that has come, and wait for it."""
        while self._cameras or self._waiting or self._running:
            for waiting in self._waiting:
                waiting.until_s = 0.0  # No score comes any more.
            self.look()
            time.sleep(0.02)
        if self._deleting:
            self._deleting.join()

    def _collect(self, one: Watched, now_s: float) -> None:
        cutter = one.follower.footage
        while cutter and (segment := cutter.take()):
            self._waiting.append(_SegmentWaiting(one, segment, now_s + PATIENCE_S))
        while len(self._waiting) > MOST_WAITING:
            lost = self._waiting.pop(0).one
            words = "comes faster than this disk writes it; some is lost"
            self._troubles.note(lost, UNKEPT, words, now_s)

    def _is_scored(self, one: Watched, segment: KeptSegment) -> bool:
        scores = one.scores[self._champion.version]
        if not scores:
            return False
        session, clip = scores[-1]
        return (session, clip.end_s) >= (segment.session, segment.recording.end_s)

    def _write(self, waiting: _SegmentWaiting) -> None:
        one, segment = waiting.one, waiting.segment
        begin_s, end_s = segment.begin_s, segment.recording.end_s
        scores = tuple(
            replace(clip, start_s=clip.start_s - begin_s, end_s=clip.end_s - begin_s)
            for session, clip in one.scores[self._champion.version]
            if session == segment.session and begin_s <= clip.start_s < end_s
        )
        job = FootageJob(
            self._live,
            one.camera.name,
            moment(segment.zero_s + begin_s),
            segment.recording,
            self._champion.rule.threshold,
            f"{self._champion.name} version {self._champion.version}",
            scores,
        )
        self._running.append((start(write_job, job), one))

    def _end(self, process: BaseProcess, one: Watched, now_s: float) -> None:
        where = self._live / FOOTAGE / one.camera.name
        words = f"a file of it was not kept in {where} -> see whether the disk is full"
        self._troubles.note(one, UNKEPT, words if process.exitcode else "", now_s)
        process.join()
        process.close()

    def _delete(self) -> None:
        before, most = time.time() - self._settings.keep_h * 3600, self._settings.footage_bytes
        try:
            deleted = delete_footage(self._live, before, most, self._needed)
        except (DeskError, OSError) as error:
            log.warning("no old footage was deleted: %s", error)
            return
        if deleted:
            log.info("%d files of old footage were deleted", deleted)
