"""Settles how many pictures a second a video has, by its pictures if its header cannot be right."""

from dataclasses import dataclass

from av.container import InputContainer
from av.video.stream import VideoStream

from aislewatch.ingest.formats import RAW_STREAMS
from aislewatch.ingest.remedies import RATE

# Pictures a second up to which a header is believed: high-speed cameras in shops do not exist.
BELIEVED_FPS = 240

# What is assumed of a raw stream that states no rate, as ffmpeg and players do.
ASSUMED_FPS = 25.0

# Packets looked at to judge a rate: ten seconds of most footage.
LOOKED_AT = 250


@dataclass(frozen=True)
class Rate:
    """Pictures a second, 0 where nothing tells; and a notice where somebody should know more."""

    fps: float
    notices: tuple[str, ...] = ()


def judge_rate(container: InputContainer, track: VideoStream) -> Rate:
    """Believe what the file states up to ``BELIEVED_FPS``, else what its first packets show.

    Browsers and recorders state 1,000 pictures a second in matroska, flv and webm, for the clock
    ticks so often. It is called after the first picture was decoded, and reads on from there.
    """
    if container.format.name in RAW_STREAMS:
        return _raw_rate(track)
    stated = track.average_rate or track.guessed_rate
    if stated and 0 < stated <= BELIEVED_FPS:
        return Rate(float(stated))
    return Rate(_packet_rate(container, track))


def _raw_rate(track: VideoStream) -> Rate:
    stated = track.codec_context.framerate
    if stated and 0 < stated <= BELIEVED_FPS:
        fps, why = float(stated), "which the stream states"
    else:
        fps, why = ASSUMED_FPS, "for the stream states no rate that could be true"
    return Rate(
        fps,
        (
            f"its pictures carry no times: they are taken for {fps:g} a second, {why} -> if the "
            f"camera made 15, {RATE}; any other number likewise",
        ),
    )


def _packet_rate(container: InputContainer, track: VideoStream) -> float:
    times = []
    for packet in container.demux(track):
        time = packet.pts if packet.dts is None else packet.dts
        if packet.size and time is not None:
            times.append(time)
        if len(times) == LOOKED_AT:
            break
    if len(times) < 2 or not track.time_base:
        return 0.0
    seconds = (max(times) - min(times)) * track.time_base
    return float((len(times) - 1) / seconds) if seconds else 0.0
