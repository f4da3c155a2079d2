"""What is wrong with a video that was not decoded to its end, in words that never vary."""

import errno
from pathlib import Path
from typing import cast

import av
from av.packet import Packet
from av.video.stream import VideoStream

from aislewatch.errors import QuarantinedError
from aislewatch.ingest.probe import VideoFacts, libav_words, open_video

# Seconds, and share of the declared length, by which decoded footage may fall short: the last
# frame's own duration, and rounding. Real files (323 measured) stay within 0.3 s.
MISSING_S = 1.0
MISSING_SHARE = 0.05

# Containers whose header states how long the video is; elsewhere libav only estimates it.
STATES_DURATION = ("mov", "matroska", "avi", "flv")


def lacks_its_end(facts: VideoFacts, decoded_s: float) -> bool:
    """Whether a file states that it is longer than what could be decoded."""
    if facts.duration_s is None or not facts.container.startswith(STATES_DURATION):
        return False
    return facts.duration_s - decoded_s > max(MISSING_S, MISSING_SHARE * facts.duration_s)


def first_fault(video: Path, facts: VideoFacts) -> QuarantinedError:
    """Decode again in one thread, up to the first fault, and say what and where it is.

    ffmpeg reads and decodes in threads of its own: which of two faults is named, and in which
    order, changed between runs for 3 of 1,500 damaged files on a busy machine. The quarantine table
    is hashed.
    """
    decoded_s = 0.0
    try:
        with open_video(video, facts.container, err_detect="explode") as container:
            stream = cast(VideoStream, container.streams[facts.stream])
            stream.codec_context.thread_count = 1
            stream.codec_context.options = {"err_detect": "explode"}
            packets = container.demux(stream)
            for packet in packets:
                fault, time_s = _decode(packet)
                decoded_s = max(decoded_s, time_s)
                if fault:
                    # The last packet of a file that was cut is short, or lacks its second half.
                    cut = lacks_its_end(facts, decoded_s) and not any(rest.size for rest in packets)
                    words = f"{fault} (after {decoded_s:.1f} s)"
                    return QuarantinedError("truncated" if cut else "undecodable", words)
    except av.FFmpegError as error:
        if error.errno == errno.ENOMEM:
            return QuarantinedError("memory-limit", "decoding needs more memory than allowed")
        return QuarantinedError("undecodable", f"{libav_words(error)} (after {decoded_s:.1f} s)")
    return QuarantinedError("undecodable", "ffmpeg could not decode it to its end")


def _decode(packet: "Packet[VideoStream]") -> tuple[str, float]:
    """What is wrong with a packet, or nothing; and the time of the last frame it gave, seconds."""
    if packet.is_corrupt:
        return "a damaged packet", 0.0
    try:
        times = [frame.time or 0.0 for frame in packet.decode()]
    except av.FFmpegError as error:
        if error.errno == errno.ENOMEM:
            raise
        return libav_words(error), 0.0
    return "", max(times, default=0.0)
