"""Reads the times of a video's pictures as its packets state them, with nothing decoded."""

from collections.abc import Iterator
from fractions import Fraction
from operator import itemgetter
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from aislewatch.frames.timing import PictureTimes
from aislewatch.ingest.formats import open_video
from aislewatch.ingest.probe import VideoFacts
from aislewatch.ingest.timeline import Timeline

# Containers that state in which order pictures are decoded, and no more: what libav says of their
# times of presentation is a guess, with H.264 in the wrong order. Pictures take those in turn.
WITHOUT_PRESENTATION = ("avi",)

# Containers whose clock has 33 bits, and so begins again after 26.5 hours (ISO 13818-1, 2.4.3.7).
TURNING, TURN = ("mpegts", "mpeg"), 1 << 33

# Seconds by which the decoding clock goes back where it began anew.
RESTART_S = Fraction(1, 2)

# The bit of a VP8 picture's first byte that says whether it is shown (RFC 6386, 9.1).
_VP8_SHOWN = 0x10


def second_zero(container: InputContainer, stream: VideoStream) -> Fraction:
    """Return second 0 of a player, on the file's clock: where the first sound or picture begins.

    Sound that begins before 0 is what a codec needs to get going; nobody hears it.
    """
    starts = [Fraction(0)] if stream.start_time is None else []
    for other in container.streams:
        if other.type not in ("audio", "video") or other.start_time is None:
            continue
        if other.disposition & Disposition.attached_pic or not other.time_base:
            continue
        start = other.start_time * other.time_base
        starts.append(max(start, Fraction(0)) if other.type == "audio" else start)
    return min(starts)


def new_timeline(container: InputContainer, stream: VideoStream, facts: VideoFacts) -> Timeline:
    """Return an empty timeline on the player's clock for this stream of an open file."""
    time_base = stream.time_base or Fraction(1, av.time_base)
    turn = TURN if facts.container in TURNING else None
    return Timeline(second_zero(container, stream), time_base, facts.fps, turn)


def scan_times(path: Path, facts: VideoFacts) -> PictureTimes:
    """Read all packets of a video and say when its pictures are shown, if all can be decoded.

    Raises:
        av.FFmpegError: it cannot be read to its end.
    """
    with open_video(path, facts.container) as container:
        stream = cast(VideoStream, container.streams[facts.stream])
        timeline = new_timeline(container, stream, facts)
        for time, length in _in_order_of_show(container, stream, facts):
            timeline.add(time, length)
        timeline.end()
    return timeline.times()


def _in_order_of_show(
    container: InputContainer, stream: VideoStream, facts: VideoFacts
) -> Iterator[tuple[int | None, int | None]]:
    """Yield time and length of each picture as stated, in the order in which they are shown."""
    by_decoding = facts.container in WITHOUT_PRESENTATION
    back = RESTART_S / (stream.time_base or 1)
    run: list[tuple[int, int | None]] = []
    begun = False
    first = latest = None
    for packet in container.demux(stream):
        time = packet.dts if by_decoding else packet.pts
        # Decoding may begin at a picture that an edit list hides.
        if packet.is_keyframe and not begun:
            begun, first = True, time
        if not begun or not is_picture(packet, facts.codec):
            continue
        decoded = time if packet.dts is None else packet.dts
        if decoded is not None and latest is not None and decoded < latest - back:
            yield from sorted(run, key=itemgetter(0))
            run, first = [], time
        latest = decoded
        if facts.is_raw:
            # Its times follow from a rate that need not be the one settled on.
            yield None, None
        elif time is None:
            yield None, packet.duration
        # A picture before the first that can be decoded by itself lacks what it refers to.
        elif first is None or time >= first:
            run.append((time, packet.duration))
    yield from sorted(run, key=itemgetter(0))


def is_picture(packet: "Packet[VideoStream]", codec: str) -> bool:
    """Return whether a packet holds a shown picture; the last packet of a file holds nothing."""
    if not packet.size or packet.is_discard:
        return False
    return codec != "vp8" or bool(memoryview(packet)[0] & _VP8_SHOWN)
