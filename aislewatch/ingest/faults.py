"""Where a video that was not decoded to its end is damaged, in words that never vary."""

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import av
from av.packet import Packet
from av.video.stream import VideoStream

from aislewatch.errors import QuarantinedError
from aislewatch.ingest.candidates import unreadable
from aislewatch.ingest.formats import libav_words, open_video
from aislewatch.ingest.probe import VideoFacts, VideoLimits
from aislewatch.ingest.rate import ASSUMED_FPS
from aislewatch.ingest.remedies import COPY, DAMAGED, MORE_MEMORY

# Seconds, and share of the declared length, by which decoded footage may fall short: the last
# frame's own duration, and rounding. Real files (323 measured) stay within 0.3 s.
MISSING_S = 1.0
MISSING_SHARE = 0.05

# Containers whose header states how long the video is; elsewhere libav only estimates it.
STATES_DURATION = ("mov", "matroska", "avi", "flv")

# Seconds before the place where a decoder notices a fault, left out with the rest: what lies there
# may be garbage that can be decoded. In 326 damaged videos it reached back 0.16 s at most (H.264,
# MPEG-1/2/4, flv1, MJPEG); with H.265 and VP9 1 s, their way from a key picture to the next.
LATE_S = 1.0

# Packets from one that is flagged as damaged up to the first of a recording that was joined there:
# libav's parser flags the last of the one before, or the last but one.
JOINED_WITHIN = 2


@dataclass(frozen=True)
class Damage:
    """Where a video breaks.

    Args:
        reason: ``"truncated"`` or ``"undecodable"``.
        words: what is wrong there.
        lost_s: seconds behind it, as far as the file lets that be told.
    """

    reason: str
    words: str
    lost_s: float

    def accept(self, limits: VideoLimits) -> str:
        """Return a notice of what was lost.

        Raises:
            QuarantinedError: more was lost than may be.
        """
        if not 0 < limits.max_loss_s >= self.lost_s:
            raise QuarantinedError(self.reason, self.words, DAMAGED)
        return f"{self.words}: the last {self.lost_s:.1f} s are lost -> {COPY}"


def damage_at_end(facts: VideoFacts, decoded_s: float, *, torn: bool) -> Damage | None:
    """Return what is missing at the end of a file all of which was decoded, or None.

    Args:
        facts: what its header says.
        decoded_s: seconds that were decoded.
        torn: whether the file ends inside its last element.
    """
    lost_s = _stated_loss_s(facts, decoded_s) or 0.0
    words = ""
    if torn:
        words = "the file ends before its last element does"
    elif facts.cut:
        words = facts.cut
    elif _lacks_its_end(facts, decoded_s):
        words = f"{decoded_s:.1f} s of the stated {facts.duration_s:.1f} s could be decoded"
    return Damage("truncated", words, lost_s) if words else None


def _stated_loss_s(facts: VideoFacts, decoded_s: float) -> float | None:
    """Seconds not decoded of those that the header states; None where it states none."""
    if facts.duration_s is None or not facts.container.startswith(STATES_DURATION):
        return None
    return max(0.0, facts.duration_s - decoded_s)


def _lacks_its_end(facts: VideoFacts, decoded_s: float) -> bool:
    lost_s = _stated_loss_s(facts, decoded_s)
    return lost_s is not None and lost_s > max(MISSING_S, MISSING_SHARE * (facts.duration_s or 0))


def search_damage(video: Path, facts: VideoFacts) -> tuple[int, Damage | None]:
    """Decode again in one thread; return how many pictures are whole, and the first fault, if any.

    ffmpeg reads and decodes in threads of its own: which of two faults is named, and in which
    order, changed between runs for 3 of 1,500 damaged files on a busy machine. The quarantine table
    is hashed.

    Raises:
        QuarantinedError: decoding needs too much memory.
    """
    search = _Search(video, facts)
    try:
        with open_video(video, facts.container, err_detect="explode") as container:
            stream = cast(VideoStream, container.streams[facts.stream])
            stream.codec_context.thread_count = 1
            stream.codec_context.options = {"err_detect": "explode"}
            packets = container.demux(stream)
            for packet in packets:
                if words := search.take(packet):
                    # The last packet of a file that was cut is short, or lacks its second half.
                    return search.conclude(words, at_end=not any(rest.size for rest in packets))
    except av.FFmpegError as error:
        if error.errno == errno.ENOMEM:
            words = "decoding needs more memory than allowed"
            raise QuarantinedError("memory-limit", words, MORE_MEMORY) from None
        return search.conclude(f"it cannot be read on ({libav_words(error)})", at_end=False)
    return search.pictures, None


class _Search:
    """What was decoded so far, and whether the last packet may have been damaged."""

    def __init__(self, video: Path, facts: VideoFacts) -> None:
        self._facts = facts
        try:
            self._bytes = video.stat().st_size
        except OSError as error:
            raise unreadable(error) from None
        self.pictures, self._seconds, self._position = 0, 0.0, 0
        self._latest_s: float | None = None
        self._doubts = 0
        self._unsure: list[float | None] = []

    def take(self, packet: "Packet[VideoStream]") -> str:
        """Decode a packet; say what is wrong with it or those before, or nothing.

        Where another recording was joined, a packet is flagged as damaged, too; but all can be
        decoded, and soon a picture follows that needs no other.
        """
        if self._doubts and packet.is_keyframe:
            self._doubts = 0
        elif self._doubts == 1:
            return "a piece of the file is missing"
        self._doubts = max(0, self._doubts - 1)
        self._position = packet.pos or self._position
        try:
            times = [picture.time for picture in packet.decode()]
        except av.FFmpegError as error:
            if error.errno == errno.ENOMEM:
                raise
            return f"a picture cannot be decoded ({libav_words(error)})"
        if packet.is_corrupt and not self._doubts:
            self._doubts = JOINED_WITHIN
        if self._doubts:
            self._unsure += times
        else:
            self._count([*self._unsure, *times])
            self._unsure = []
        return ""

    def conclude(self, words: str, *, at_end: bool) -> tuple[int, Damage]:
        """Return how many pictures are good, and the damage at the place that was reached."""
        facts, noticed_s = self._facts, self._seconds
        # A margin before the place at which the decoder noticed it.
        kept_s = max(0.0, noticed_s - LATE_S)
        pictures = int(self.pictures * kept_s / noticed_s) if noticed_s else 0
        lost_s = _stated_loss_s(facts, kept_s)
        if lost_s is None:
            # As many seconds a byte as before.
            behind = (self._bytes - self._position) / max(1, self._position)
            lost_s = noticed_s * (1 + behind) - kept_s
        if facts.cut:
            return pictures, Damage("truncated", facts.cut, lost_s)
        cut = at_end and _lacks_its_end(facts, noticed_s)
        told = f"{words} (after {noticed_s:.1f} s)"
        return pictures, Damage("truncated" if cut else "undecodable", told, lost_s)

    def _count(self, times: Sequence[float | None]) -> None:
        self.pictures += len(times)
        for time_s in times:
            step_s = 0.0
            if time_s is not None and self._latest_s is not None:
                step_s = time_s - self._latest_s
            # Where there is no time, or the clock began anew, the rate has to do.
            self._seconds += step_s if step_s > 0 else 1 / (self._facts.fps or ASSUMED_FPS)
            self._latest_s = time_s
