"""Keeps the last seconds of a camera's stream as it came, for the evidence of an alert."""

import threading
from collections import deque
from dataclasses import dataclass

from aislewatch.watch.messages import KeptPacket, StreamFacts

# Bytes kept of a camera at most: 20 s of 4K at 12 Mbit/s.
MOST_BYTES = 32 << 20


@dataclass(frozen=True)
class Recording:
    """A part of a stream that can be decoded from its first packet on.

    ``number`` is another one where the stream came anew, or coded in another way.
    """

    number: int
    facts: StreamFacts
    packets: tuple[KeptPacket, ...]

    @property
    def end_s(self) -> float:
        """Return the second of the stream that it reaches to."""
        return self.packets[-1].at_s


class PacketRing:
    """Holds packets of the last ``keep_s`` seconds, from a key frame on; any thread may use it.

    Args:
        keep_s: seconds to keep.
        most_bytes: bytes to keep at most; whole groups of pictures go, the oldest first.
    """

    def __init__(self, keep_s: float, most_bytes: int = MOST_BYTES) -> None:
        self._keep_s, self._most_bytes = keep_s, most_bytes
        # One a group of pictures: each begins with a key frame.
        self._groups: deque[list[KeptPacket]] = deque()
        self._facts: StreamFacts | None = None
        self._bytes = 0
        self._number = 0
        self._lock = threading.Lock()

    def begin(self, facts: StreamFacts) -> None:
        """Forget all: the stream is coded in another way from here on, or came anew."""
        with self._lock:
            self._groups.clear()
            self._facts, self._bytes = facts, 0
            self._number += 1

    def add(self, packet: KeptPacket) -> None:
        """Take the next packet."""
        with self._lock:
            if packet.is_key:
                self._groups.append([])
            if not self._groups:
                return
            self._groups[-1].append(packet)
            self._bytes += len(packet.data)
            while len(self._groups) > 1 and self._is_too_much(packet.at_s):
                self._bytes -= sum(len(gone.data) for gone in self._groups.popleft())
            if self._bytes > self._most_bytes:
                # A single group: what came last of it cannot be decoded without its beginning.
                self._groups.clear()
                self._bytes = 0

    def since(self, begin_s: float) -> Recording | None:
        """Return what is kept from the last key frame before a second of the stream on."""
        with self._lock:
            if self._facts is None or not self._groups:
                return None
            groups = list(self._groups)
            while len(groups) > 1 and groups[1][0].at_s <= begin_s:
                groups.pop(0)
            packets = tuple(packet for group in groups for packet in group)
            return Recording(self._number, self._facts, packets)

    def _is_too_much(self, now_s: float) -> bool:
        # Kept is what begins at or before the first second wanted.
        is_old = self._groups[1][0].at_s <= now_s - self._keep_s
        return is_old or self._bytes > self._most_bytes
