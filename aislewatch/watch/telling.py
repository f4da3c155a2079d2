"""Tells people of alerts as they happen: log, outbox, and evidence that is written meanwhile."""

import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

from aislewatch.evidence.alert import AlertModel, LiveAlert
from aislewatch.watch.addresses import is_file
from aislewatch.watch.filming import EvidenceJob, write_job
from aislewatch.watch.live_alerts import LiveChange
from aislewatch.watch.posting import Posting
from aislewatch.watch.processes import start
from aislewatch.watch.ring import Recording
from aislewatch.watch.scorer import LiveModel
from aislewatch.watch.watched import Watched

log = logging.getLogger(__name__)

# Films encoded at once: each takes a core for a second or two, which scoring needs, too.
FILMS = 1

# Seconds beyond what an alert waits for, after which its film is made of what is there.
PATIENCE_S = 5.0


@dataclass
class _AlertWaiting:
    """An alert whose last seconds have not come yet."""

    one: Watched
    model: LiveModel
    happened: LiveChange
    alert: LiveAlert
    recording: Recording | None
    before_s: float
    end_s: float
    until_s: float


class Teller:
    """Logs each alert when it is raised and when it ends, and writes its evidence.

    A raised alert is in the outbox before anything else is done.

    Args:
        live: the folder of what is kept.
        champion: whose alerts are people's; those of any other version are of a shadow.
        targets: names of those whom `aislewatch deliver` tells.
    """

    def __init__(self, live: Path, champion: LiveModel, targets: Sequence[str] = ()) -> None:
        self._live, self._champion = live, champion
        self._posting = Posting(live, targets)
        self._waiting: dict[tuple[str, str, int, int, float], _AlertWaiting] = {}
        self._jobs: deque[EvidenceJob] = deque()
        self._running: list[tuple[BaseProcess, EvidenceJob]] = []

    def follow(self, one: Watched) -> None:
        """Take no notice: only alerts are told."""

    def tell(self, one: Watched, model: LiveModel, happened: LiveChange) -> None:
        """Take in what happened to an alert of a camera."""
        alert, kind = happened.change.alert, happened.change.kind
        key = (one.camera.name, model.version, happened.session, alert.track, alert.raised_s)
        if kind == "raised":
            waiting = self._waiting[key] = self._begin(one, model, happened)
            self._posting.put(waiting.alert.as_json())
        elif key in self._waiting:
            self._waiting[key].happened = happened
        if kind != "extended":
            self._log(one, model, happened)

    def look(self) -> None:
        """Make the films whose last seconds have come; called often."""
        self._posting.look()
        now_s = time.monotonic()
        for key, waiting in list(self._waiting.items()):
            is_whole = self._bring_up_to_date(waiting)
            if is_whole or now_s >= waiting.until_s:
                del self._waiting[key]
                self._film(waiting)
        for process, job in list(self._running):
            if process.exitcode is not None:
                self._running.remove((process, job))
                _tell_of(job, process)
        while self._jobs and len(self._running) < FILMS:
            job = self._jobs.popleft()
            self._running.append((start(write_job, job), job))

    def close(self) -> None:
        """Make all films of what is there, and wait for them."""
        self._posting.close()
        for waiting in self._waiting.values():
            self._bring_up_to_date(waiting)
            self._film(waiting)
        self._waiting.clear()
        while self._jobs or self._running:
            self.look()
            time.sleep(0.02)

    def _begin(self, one: Watched, model: LiveModel, happened: LiveChange) -> _AlertWaiting:
        alert, watching = happened.change.alert, one.watching
        end_s = alert.raised_s + watching.after_s
        return _AlertWaiting(
            one,
            model,
            happened,
            self._live_alert(one, model, happened),
            one.follower.ring.since(alert.start_s - watching.before_s),
            watching.before_s,
            end_s,
            happened.captured_at(end_s) + PATIENCE_S,
        )

    def _bring_up_to_date(self, waiting: _AlertWaiting) -> bool:
        """Take what came since; return whether no more of the film will come."""
        begin_s = waiting.happened.change.alert.start_s - waiting.before_s
        newest = waiting.one.follower.ring.since(begin_s)
        if newest is None:
            return waiting.one.follower.is_gone()
        if waiting.recording is not None and newest.number != waiting.recording.number:
            return True  # The stream came anew: what was kept of it before is all there is.
        waiting.recording = newest
        return newest.end_s > waiting.end_s

    def _film(self, waiting: _AlertWaiting) -> None:
        one, happened = waiting.one, waiting.happened
        alert = happened.change.alert
        if waiting.recording is None:
            log.warning("%s: nothing of the stream was kept for an alert", one.camera.name)
            return
        end = waiting.alert.begin + timedelta(seconds=alert.end_s - alert.start_s)
        told = replace(waiting.alert, end=end, score=alert.peak_score, box=alert.box)
        begin_s = max(0.0, alert.start_s - waiting.before_s)
        scores = tuple(
            clip
            for session, clip in one.scores[waiting.model.version]
            if session == happened.session and clip.end_s > begin_s and clip.start_s < waiting.end_s
        )
        people = tuple(
            person
            for session, person in list(one.follower.seen)
            if session == happened.session and begin_s <= person.at_s <= waiting.end_s
        )
        zero = told.begin - timedelta(seconds=alert.start_s)
        span = begin_s, waiting.end_s
        self._jobs.append(
            EvidenceJob(self._live, told, waiting.recording, zero, *span, scores, people)
        )

    def _live_alert(self, one: Watched, model: LiveModel, happened: LiveChange) -> LiveAlert:
        alert, source = happened.change.alert, one.camera.shown
        return LiveAlert(
            camera=one.camera.name,
            begin=moment(happened.captured_at(alert.start_s)),
            end=moment(happened.captured_at(alert.end_s)),
            raised=datetime.now(UTC),
            captured=moment(happened.captured_at(alert.raised_s)),
            score=alert.peak_score,
            threshold=model.rule.threshold,
            box=alert.box,
            track=None if alert.track < 0 else alert.track,
            model=AlertModel(model.name, model.version, model.sha256),
            shadow=model is not self._champion,
            source=source,
            offset_s=alert.start_s if is_file(source) else None,
            operating=one.operating or None,
        )

    def _log(self, one: Watched, model: LiveModel, happened: LiveChange) -> None:
        alert, kind = happened.change.alert, happened.change.kind
        began = moment(happened.captured_at(alert.start_s))
        shadow = "" if model is self._champion else f" by the shadow, version {model.version}"
        log.warning(
            "%s: %s%s, from %s for %.1f s, score %.3f",
            one.camera.name,
            "ALERT" if kind == "raised" else "alert ended",
            shadow,
            f"{began:%Y-%m-%dT%H:%M:%SZ}",
            alert.end_s - alert.start_s,
            alert.peak_score,
        )


def moment(monotonic_s: float) -> datetime:
    """Return the time of day, UTC, of a second of the monotonic clock, as clocks are set now."""
    return datetime.fromtimestamp(time.time() - time.monotonic() + monotonic_s, UTC)


def _tell_of(job: EvidenceJob, process: BaseProcess) -> None:
    done = process.exitcode == 0
    words = "evidence" if done else "evidence could not be written (is the disk full?)"
    log.log(
        logging.INFO if done else logging.WARNING,
        "%s: %s: %s",
        job.alert.camera,
        words,
        job.live / "evidence" / job.alert.id,
    )
    process.join()
    process.close()
