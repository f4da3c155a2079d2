"""Follows one camera: a process that reads it, killed when it stalls, and begun anew."""

import logging
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from typing import Literal

from aislewatch.evidence.folder import SeenPerson
from aislewatch.watch.addresses import is_file
from aislewatch.watch.backoff import Backoff
from aislewatch.watch.cameras_file import LiveCamera, Watching
from aislewatch.watch.decoder import PictureDecoder
from aislewatch.watch.messages import (
    LONGEST,
    Begun,
    End,
    KeptPackets,
    StoreFrame,
    StreamFacts,
    unpack,
)
from aislewatch.watch.opening import Request
from aislewatch.watch.people import PeopleRequest
from aislewatch.watch.processes import pipe, start
from aislewatch.watch.queues import ClipQueue
from aislewatch.watch.reader import read_camera
from aislewatch.watch.ring import PacketRing
from aislewatch.watch.segments import SegmentCutter
from aislewatch.watch.windows import ClipWindow, LiveClip

log = logging.getLogger(__name__)

# Seconds in which a follower looks whether it is to stop.
LOOK_S = 0.2

# Seconds kept of a stream beyond before and after an alert: clips are scored later than they came.
SPARE_S = 10.0

# Seconds that a process may take to begin; the first imports all that the later ones share, which
# took over 60 s on two cores at load 25.
START_S = 180.0

# Places of people kept of a camera, to hide them in evidence: 40 s of five people.
KEPT_PEOPLE = 2000

State = Literal["connecting", "running", "waiting", "ended", "stopped"]


@dataclass
class Counts:
    """What happened to a camera since it is followed."""

    frames: int = 0
    connections: int = 0
    stalls: int = 0
    failures: int = 0
    frame_at_s: float | None = None  # monotonic second of its last frame
    last_words: str = field(default="")


class Follower:
    """Follows a camera in a thread, and keeps its clips and its last seconds for others.

    Args:
        camera: as cameras.yaml describes it.
        watching: times and bounds.
        fps: frames a second that the network wants.
        size: their width and height, pixels.
        window: makes clips of frames; the follower's own.
        wake: called when a clip is waiting, or the camera's state has changed.
        at_own_speed: whether a file is played as slowly as it was filmed.
        people: how they are looked for; None: not at all.
    """

    def __init__(
        self,
        camera: LiveCamera,
        watching: Watching,
        fps: int,
        size: int,
        window: ClipWindow,
        wake: Callable[[], object],
        at_own_speed: bool = True,
        people: PeopleRequest | None = None,
    ) -> None:
        address = camera.address.get_secret_value()
        limits = watching.open_s, watching.stall_s, watching.memory_mib
        hardware = watching.decode_on == "device"
        self._request = Request(address, fps, size, *limits, at_own_speed, people, hardware)
        self.decoder = PictureDecoder(camera.name, hardware)
        self.name = camera.name
        self.clips = ClipQueue(watching.queue_clips)
        self.ring = PacketRing(watching.before_s + watching.after_s + SPARE_S)
        self.counts = Counts()
        self.state: State = "connecting"
        self.newest: StoreFrame | None = None
        # Connection, and by its stream's clock who was where, of the last seconds.
        self.seen: deque[tuple[int, SeenPerson]] = deque(maxlen=KEPT_PEOPLE)
        self._watching, self._window, self._wake = watching, window, wake
        self._waits_for_room = is_file(address) and not at_own_speed
        # A file that is played faster than it was filmed has no time of day.
        is_kept = watching.segment_s > 0 and not self._waits_for_room
        self.footage = SegmentCutter(watching.segment_s) if is_kept else None
        self._keepers: list[PacketRing | SegmentCutter] = [self.ring]
        self._keepers += [self.footage] if self.footage else []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"camera {camera.name}", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Ask to end, in whatever state; ``join`` waits for it."""
        self._stopping.set()

    def join(self) -> None:
        """Wait until its process is gone."""
        self._thread.join()

    def is_gone(self) -> bool:
        """Say whether its process and its thread are gone."""
        return not self._thread.is_alive()

    def _run(self) -> None:
        backoff = Backoff(self._watching.backoff_s, self._watching.backoff_most_s)
        while not self._stopping.is_set():
            frames = self.counts.frames
            words = self._read_once()
            self._queue(self._window.end_session())
            if words is None or self._stopping.is_set():
                break
            self.counts.last_words = words
            if self.counts.frames > frames:
                backoff.reset()
            elif self.decoder.is_given_up(words):
                self._request = replace(self._request, hardware=False)
            self._set("waiting")
            self._stopping.wait(backoff.next_s())
        self._set("stopped" if self._stopping.is_set() else "ended")

    def _read_once(self) -> str | None:
        """Read until the stream fails, and say why; None where a file was played to its end."""
        self._set("connecting")
        self.counts.connections += 1
        self.decoder.begin()
        try:
            with _reading(self._request) as link:
                return self._listen(link)
        finally:
            if self.footage:
                self.footage.end()

    def _listen(self, link: Connection) -> str | None:
        begun_s, limit_s = time.monotonic(), START_S
        waiting = _poll_of(link)
        while not self._stopping.is_set():
            left_s = begun_s + limit_s - time.monotonic()
            if left_s <= 0:
                self.counts.stalls += 1
                return f"no frame came for {limit_s:g} s"
            if not waiting.poll(1000 * min(LOOK_S, left_s)):
                continue
            try:
                messages = unpack(link.recv_bytes(LONGEST))
            except (EOFError, OSError, ValueError):
                self.counts.failures += 1
                return "the process that reads it was killed -> see whether memory is short here"
            for message in messages:
                if isinstance(message, End):
                    self.counts.failures += bool(message.words)
                    return message.words or None
                if isinstance(message, Begun):
                    begun_s, limit_s = time.monotonic(), self._watching.open_s
                elif isinstance(message, StoreFrame):
                    begun_s, limit_s = time.monotonic(), self._watching.stall_s
                    self._take(message)
                else:
                    self._keep(message)
        return ""

    def _keep(self, message: StreamFacts | KeptPackets) -> None:
        if isinstance(message, StreamFacts):
            self.decoder.note(message.decoded_by)
            for keeper in self._keepers:
                keeper.begin(message)
        else:
            for keeper in self._keepers:
                for packet in message.packets:
                    keeper.add(packet)

    def _take(self, frame: StoreFrame) -> None:
        self.counts.frames += 1
        self.counts.frame_at_s = time.monotonic()
        self.newest = frame
        if self.footage:
            self.footage.see(frame, self._request.fps)
        if self.state != "running":
            self._set("running")
        for person in frame.people:
            seen = SeenPerson(frame.instant / self._request.fps, person.track, person.box)
            self.seen.append((self.counts.connections - 1, seen))
        self._queue(self._window.add(frame))

    def _queue(self, clips: list[LiveClip]) -> None:
        for clip in clips:
            while self._waits_for_room and self.clips.is_full and not self._stopping.is_set():
                time.sleep(LOOK_S / 10)
            self.clips.put(clip)
            self._wake()

    def _set(self, state: State) -> None:
        self.state = state
        self._wake()


@contextmanager
def _reading(request: Request) -> Iterator[Connection]:
    """Read a camera in a process of its own, which is gone afterwards; give what it tells by."""
    link, far_end = pipe()
    process = start(read_camera, far_end, request)
    far_end.close()
    try:
        yield link
    finally:
        process.kill()
        process.join()
        process.close()
        link.close()


def _poll_of(link: Connection) -> "select.poll":
    """Return what waits for a link, for its whole life: ``link.poll`` makes one a message."""
    waiting = select.poll()
    waiting.register(link.fileno(), select.POLLIN)
    return waiting
