"""Reads a file in one pass: decodes its pictures, notes their times, and finds its damage."""

import errno
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, cast

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from aislewatch.errors import QuarantinedError
from aislewatch.frames.timing import SECOND_NS, PictureTimes
from aislewatch.ingest.faults import Damage, Doubts, damage_noticed
from aislewatch.ingest.formats import libav_words
from aislewatch.ingest.keeping import Keeper
from aislewatch.ingest.packets import WITHOUT_PRESENTATION, new_timeline
from aislewatch.ingest.probe import VideoFacts
from aislewatch.ingest.remedies import MORE_MEMORY


class Film:
    """The pictures of one open file.

    Args:
        container: the open file.
        stream: the track to decode, with one thread and its options set.
        facts: what ``probe_video`` said of it.
        size: bytes of the file.
        keeper: gets the pictures and their times.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        facts: VideoFacts,
        size: int,
        keeper: Keeper,
    ) -> None:
        self._container, self._stream, self._facts = container, stream, facts
        self._size, self._keeper = size, keeper
        self._timeline = new_timeline(container, stream, facts)
        self._doubts = Doubts()
        self._begun = False
        self._position = 0
        self._sure_ns = 0
        # Of each track's packets, by its index, in units of so many seconds.
        self._ends: dict[int, tuple[int, Fraction]] = {}
        self._turns: deque[int | None] = deque()
        self._by_decoding = facts.container in WITHOUT_PRESENTATION

    @property
    def reached_s(self) -> float:
        """Return the second, on the file's clock, at which the last packet of any track ends."""
        return float(max((end * base for end, base in self._ends.values()), default=0))

    def times(self) -> PictureTimes:
        """Return when the pictures are shown that were read."""
        return self._timeline.times()

    def read(self) -> Damage | None:
        """Decode all, or up to a damage, which is returned.

        Raises:
            QuarantinedError: decoding needs too much memory.
        """
        packets = cast(Iterator["Packet[Any]"], self._container.demux())
        words = self._read(packets)
        self._keeper.add_times(self._timeline.end())
        self._keeper.end()
        if not words:
            return None
        # The last packet of a file that was cut is short, or lacks its second half.
        at_end = not _any_left(packets)
        share = self._position / max(1, self._size)
        return damage_noticed(self._facts, words, self._sure_ns / SECOND_NS, share, at_end=at_end)

    def _read(self, packets: Iterator["Packet[Any]"]) -> str:
        """Decode until something is wrong, and say what; nothing where all is well."""
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError as error:
                return f"it cannot be read on ({_words(error)})"
            if packet is None:
                return ""
            self._note_end(packet)
            # Not `packet.stream_index`, which the last packet, of nothing, has at 0.
            if packet.stream.index == self._stream.index:
                try:
                    self._take(cast("Packet[VideoStream]", packet))
                except av.FFmpegError as error:
                    return f"a picture cannot be decoded ({_words(error)})"
                if self._doubts.are_confirmed:
                    return "a piece of the file is missing"

    def _take(self, packet: "Packet[VideoStream]") -> None:
        # A recording that was joined midway begins with what cannot be decoded.
        self._begun = self._begun or packet.is_keyframe
        if not self._begun or not self._doubts.allow(packet):
            return
        self._position = packet.pos or self._position
        if packet.size:
            self._turns.append(packet.dts)
        for picture in packet.decode():
            turn = self._turns.popleft() if self._turns else None
            time = turn if self._by_decoding else picture.pts
            # A raw stream's times follow from a rate that need not be the one settled on.
            stated = (None, None) if self._facts.is_raw else (time, picture.duration)
            bounds_ns = self._timeline.add(*stated)
            self._keeper.add_times(bounds_ns)
            self._keeper.add_picture(picture)
            if bounds_ns and not self._doubts.are_open:
                self._sure_ns = bounds_ns[1]

    def _note_end(self, packet: "Packet[Any]") -> None:
        time = packet.dts if packet.pts is None else packet.pts
        if time is not None and packet.time_base:
            track, end = packet.stream_index, time + (packet.duration or 0)
            if track not in self._ends or end > self._ends[track][0]:
                self._ends[track] = end, packet.time_base


def _words(error: av.FFmpegError) -> str:
    if error.errno == errno.ENOMEM:
        words = "decoding needs more memory than allowed"
        raise QuarantinedError("memory-limit", words, MORE_MEMORY) from None
    return libav_words(error)


def _any_left(packets: Iterator["Packet[Any]"]) -> bool:
    try:
        return any(packet.size for packet in packets)
    except av.FFmpegError:
        return False
