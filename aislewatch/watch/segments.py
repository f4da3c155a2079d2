"""Cuts a camera's stream, as it came, into segments that are kept as files of footage."""

from collections import deque
from dataclasses import dataclass

from aislewatch.watch.messages import KeptPacket, StoreFrame, StreamFacts
from aislewatch.watch.ring import MOST_BYTES, Recording

# Segments of a camera that may wait to be written; of more, the oldest goes and is counted.
WAITING = 4

# Seconds by which a packet's own time may run apart from the stream's: a decoder holds back up to
# 16 pictures; what is further apart is a clock that was set, and begins a segment of its own.
APART_S = 2.0


@dataclass(frozen=True)
class KeptSegment:
    """A part of one connection's stream that begins with a key frame.

    Args:
        recording: its packets, and how they are coded.
        session: counts the camera's connections, as in ``LiveClip``.
        zero_s: when the stream's second 0 was captured, on this machine's monotonic clock.
    """

    recording: Recording
    session: int
    zero_s: float

    @property
    def begin_s(self) -> float:
        """Return the second of the stream at which it begins."""
        return self.recording.packets[0].at_s


class SegmentCutter:
    """Collects a camera's packets into segments; one thread adds, another takes.

    A segment ends at the first key frame after ``segment_s`` seconds, at the first after
    ``most_bytes``, and where the stream breaks off, is coded in another way or its clock was set.

    Args:
        segment_s: seconds of a segment, at least.
        most_bytes: of a segment whose key frames come in time; twice as many of any other.
    """

    def __init__(self, segment_s: float, most_bytes: int = MOST_BYTES) -> None:
        self._segment_s, self._most_bytes = segment_s, most_bytes
        self._packets: list[KeptPacket] = []
        self._facts: StreamFacts | None = None
        self._bytes, self._session, self._number = 0, 0, 0
        self._zero_s: float | None = None
        self._done: deque[KeptSegment] = deque(maxlen=WAITING)
        self.dropped = 0

    def begin(self, facts: StreamFacts) -> None:
        """Begin anew: the stream is coded in another way from here on, or came anew."""
        self._cut()
        self._facts = facts

    def add(self, packet: KeptPacket) -> None:
        """Take the next packet."""
        if self._packets and (
            self._bytes >= 2 * self._most_bytes
            or self._is_apart(packet)
            or (packet.is_key and self._is_whole(packet))
        ):
            self._cut()
        # Without the key frame before it, nothing can be decoded.
        if self._packets or packet.is_key:
            self._packets.append(packet)
            self._bytes += len(packet.data)

    def see(self, frame: StoreFrame, fps: int) -> None:
        """Learn from a frame when the stream's second 0 was captured."""
        self._zero_s = frame.captured_s - frame.instant / fps

    def end(self) -> None:
        """End the connection."""
        self._cut()
        self._facts, self._zero_s = None, None
        self._session += 1

    def take(self) -> KeptSegment | None:
        """Take out the oldest segment, if there is any."""
        return self._done.popleft() if self._done else None

    def _is_whole(self, packet: KeptPacket) -> bool:
        lasted_s = packet.at_s - self._packets[0].at_s
        return lasted_s >= self._segment_s or self._bytes >= self._most_bytes

    def _is_apart(self, packet: KeptPacket) -> bool:
        return abs(self._ahead_s(packet) - self._ahead_s(self._packets[0])) > APART_S

    def _ahead_s(self, packet: KeptPacket) -> float:
        """Return by how much a packet's own time is ahead of the stream's."""
        if packet.time is None or self._facts is None:
            return 0.0
        numerator, denominator = self._facts.time_base
        return packet.time * numerator / denominator - packet.at_s

    def _cut(self) -> None:
        """End the segment; one of which no picture was decoded is none."""
        if self._packets and self._facts and self._zero_s is not None:
            self._number += 1
            recording = Recording(self._number, self._facts, tuple(self._packets))
            self.dropped += len(self._done) == WAITING
            self._done.append(KeptSegment(recording, self._session, self._zero_s))
        self._packets, self._bytes = [], 0
