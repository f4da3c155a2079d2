"""Says where a video that was not decoded to its end is damaged, in words that never vary."""

from dataclasses import dataclass
from typing import Any

from av.packet import Packet

from aislewatch.errors import QuarantinedError
from aislewatch.ingest.probe import VideoFacts, VideoLimits
from aislewatch.ingest.remedies import COPY, DAMAGED

# Seconds, and share of the declared length, by which a file may fall short: the last frame's own
# duration, and rounding. Real files (323 measured) stay within 0.3 s.
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
        kept_s: second of a player's clock up to which it is good.
        lost_s: seconds behind it, as far as the file lets that be told.
    """

    reason: str
    words: str
    kept_s: float
    lost_s: float

    def accept(self, limits: VideoLimits) -> str:
        """Return a notice of what was lost.

        Raises:
            QuarantinedError: more was lost than may be.
        """
        if not 0 < limits.max_loss_s >= self.lost_s:
            raise QuarantinedError(self.reason, self.words, DAMAGED)
        return f"{self.words}: the last {self.lost_s:.1f} s are lost -> {COPY}"


class Doubts:
    """Judges whether packets that libav flags as damaged are so.

    Where another recording was joined, packets are flagged, too; but all can be decoded, and soon a
    picture follows that needs no other.
    """

    def __init__(self) -> None:
        self._left = 0
        self.are_confirmed = False

    @property
    def are_open(self) -> bool:
        """Return whether what was decoded last may be damaged."""
        return self._left > 0

    def allow(self, packet: "Packet[Any]") -> bool:
        """Return whether to decode the next packet: not once doubts are confirmed."""
        if self._left and packet.is_keyframe:
            self._left = 0
        elif self._left == 1:
            self.are_confirmed = True
            return False
        self._left = max(0, self._left - 1)
        if packet.is_corrupt and not self._left:
            self._left = JOINED_WITHIN
        return True


def damage_at_end(
    facts: VideoFacts, reached_s: float, end_s: float, *, torn: bool
) -> Damage | None:
    """Return what is missing at the end of a file all of which was decoded, or None.

    Args:
        facts: what its header says.
        reached_s: second at which the longest of its tracks ends.
        end_s: second of a player's clock at which its last picture ends.
        torn: whether the file ends inside its last element.
    """
    lost_s = _stated_loss_s(facts, reached_s) or 0.0
    words = ""
    if torn:
        words = "the file ends before its last element does"
    elif facts.cut:
        words = facts.cut
    elif _lacks_its_end(facts, reached_s):
        words = f"{reached_s:.1f} s of the stated {facts.duration_s:.1f} s could be decoded"
    return Damage("truncated", words, end_s, lost_s) if words else None


def damage_noticed(
    facts: VideoFacts, words: str, noticed_s: float, share: float, *, at_end: bool
) -> Damage:
    """Return the damage at the place where decoding ended.

    Args:
        facts: what the file's header says.
        words: what is wrong there.
        noticed_s: second at which the last picture ends that is surely good.
        share: of the file's bytes that were read until then.
        at_end: whether nothing follows.
    """
    kept_s = max(0.0, noticed_s - LATE_S)
    lost_s = _stated_loss_s(facts, kept_s)
    if lost_s is None:
        # As many seconds a byte as before.
        lost_s = noticed_s / share - kept_s if share else 0.0
    if facts.cut:
        return Damage("truncated", facts.cut, kept_s, lost_s)
    cut = at_end and _lacks_its_end(facts, noticed_s)
    told = f"{words} (after {noticed_s:.1f} s)"
    return Damage("truncated" if cut else "undecodable", told, kept_s, lost_s)


def _stated_loss_s(facts: VideoFacts, reached_s: float) -> float | None:
    """Return the seconds missing of those the header states; None if it states none."""
    if facts.duration_s is None or not facts.container.startswith(STATES_DURATION):
        return None
    return max(0.0, facts.duration_s - reached_s)


def _lacks_its_end(facts: VideoFacts, reached_s: float) -> bool:
    lost_s = _stated_loss_s(facts, reached_s)
    return lost_s is not None and lost_s > max(MISSING_S, MISSING_SHARE * (facts.duration_s or 0))
