"""What a video file claims to be, read without trusting it; runs inside the sandbox only.

Every refusal is a ``QuarantinedError`` whose words hold no path and no address, so that the
quarantine table is the same on every machine.
"""

import errno
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from aislewatch.errors import QuarantinedError
from aislewatch.ingest.boxes import cut_short, is_encrypted
from aislewatch.ingest.picture import Look, look_at

# Containers of cameras, recorders, phones and data sets. No playlist, script or picture sequence
# (hls, dash, concat, image2): those name other files, and ffmpeg would open them.
CONTAINERS = "mov,matroska,webm,avi,mpegts,mpeg,flv,asf"

# ffmpeg's canonical names. What is missing here is refused by name, so that the list is easily
# extended; it leaves out a few hundred decoders of games and hobby formats, the least tested ones.
# fmt: off
CODECS = frozenset((
    "av1", "cinepak", "dvvideo", "ffv1", "flv1", "h263", "h264", "hevc", "huffyuv", "mjpeg",
    "mpeg1video", "mpeg2video", "mpeg4", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "prores",
    "rawvideo", "theora", "vc1", "vp8", "vp9", "wmv1", "wmv2", "wmv3",
))
# fmt: on

# How a Git LFS pointer starts (git-lfs, docs/spec.md): often uploaded in place of the file.
LFS_POINTER = b"version https://git-lfs"


@dataclass(frozen=True)
class VideoLimits:
    """Largest video accepted: seconds, millions of pixels a picture, frames a second."""

    max_duration_s: float
    max_megapixels: float
    max_fps: float


@dataclass(frozen=True)
class VideoFacts:
    """What the file says of itself.

    ``fps`` is 0 and ``duration_s`` None where the file does not say (a stream dumped to disk), or
    says nonsense.
    """

    stream: int
    container: str
    codec: str
    fps: float
    duration_s: float | None
    look: Look


def reading_options(container: str = "") -> dict[str, str]:
    """Options with which ffmpeg opens nothing but the one file it was given."""
    options = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
    if container.startswith("mov"):
        # References of a QuickTime file to other files; only this demuxer knows the options.
        options |= {"enable_drefs": "0", "use_absolute_path": "0"}
    return options


def open_video(path: Path, container: str = "", **options: str) -> InputContainer:
    """Open a file with PyAV as ``reading_options`` demands, and with further options of libav."""
    # With errors only, PyAV attaches the demuxer's or decoder's own words to its exceptions.
    av.logging.set_level(av.logging.ERROR)
    return av.open(
        f"file:{path}",
        options=reading_options(container) | options,
        # Titles and comments of a broken file need not be UTF-8.
        metadata_errors="replace",
    )


def libav_words(error: av.FFmpegError) -> str:
    """The demuxer's or decoder's own words, and the general name of the error."""
    # (level, component, message); PyAV's types nest it once more.
    said = str(cast("tuple[int, str, str]", error.log)[2]).strip() if error.log else ""
    return "; ".join(text for text in (said, error.strerror) if text)


def probe_video(path: Path, limits: VideoLimits) -> VideoFacts:
    """Read the headers and decode one frame.

    Raises:
        QuarantinedError: not a video, or one that is broken, encrypted or over a limit.
    """
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise QuarantinedError("unreadable", error.strerror or type(error).__name__) from None
    if not head:
        raise QuarantinedError("empty", "the file has no bytes")
    if head.startswith(LFS_POINTER):
        words = "a Git LFS pointer instead of the video; run `git lfs pull` where it came from"
        raise QuarantinedError("not-a-video", words)
    try:
        with open_video(path) as container:
            return _read(container, path, limits)
    except (av.FFmpegError, MemoryError) as error:
        raise refusal(error, path) from None


def check_limits(
    width: int, height: int, fps: float, duration_s: float | None, limits: VideoLimits
) -> None:
    """Raise QuarantinedError where a video is larger, faster or longer than allowed."""
    _check_picture(width, height, limits)
    if fps > limits.max_fps:
        words = f"{fps:g} frames a second; the limit is {limits.max_fps:g}"
        raise QuarantinedError("too-fast", words)
    if duration_s is not None and duration_s > limits.max_duration_s:
        words = f"{duration_s:.1f} s; the limit is {limits.max_duration_s:g} s"
        raise QuarantinedError("too-long", words)


def _check_picture(width: int, height: int, limits: VideoLimits) -> None:
    if width <= 0 or height <= 0:
        raise QuarantinedError("undecodable", "no picture could be read: its size is unknown")
    if width * height > limits.max_megapixels * 1e6:
        words = f"{width}x{height} pixels; the limit is {limits.max_megapixels:g} million"
        raise QuarantinedError("too-large", words)


def _read(container: InputContainer, path: Path, limits: VideoLimits) -> VideoFacts:
    stream = _video_stream(container)
    if container.format.name.startswith("mov") and is_encrypted(path):
        raise QuarantinedError("encrypted", "the video track is encrypted (encv)")
    codec = _codec(stream)
    _check_picture(stream.width, stream.height, limits)
    most = int(limits.max_duration_s * limits.max_fps)
    if len(stream.index_entries) > most:
        words = f"the index lists {len(stream.index_entries)} pictures; the limits allow {most}"
        raise QuarantinedError("too-long", words)
    size = path.stat().st_size
    end = max((entry.pos + entry.size for entry in stream.index_entries), default=0)
    if end > size:
        words = f"the index reaches to byte {end}, the file ends at {size}"
        raise QuarantinedError("truncated", words)
    stream.codec_context.thread_count = 1
    frame = next(container.decode(stream), None)
    if frame is None:
        raise QuarantinedError("no-frames", "the video track holds no picture")
    facts = _facts(container, stream, codec, look_at(stream, frame))
    check_limits(facts.look.width, facts.look.height, facts.fps, facts.duration_s, limits)
    return facts


def _video_stream(container: InputContainer) -> VideoStream:
    """The first track of moving pictures; cover art is a video track too, of one picture."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    kinds = ", ".join(sorted({stream.type for stream in container.streams}))
    words = f"the file holds {kinds} only" if kinds else "the file holds no track at all"
    raise QuarantinedError("no-video-stream", words)


def _codec(stream: VideoStream) -> str:
    # PyAV gives None where libav has no decoder for the track; its types do not say so.
    context = cast("av.VideoCodecContext | None", stream.codec_context)
    codec = context.codec.canonical_name if context is not None else "unknown"
    if codec not in CODECS:
        raise QuarantinedError("unsupported-codec", f"codec {codec}")
    return codec


def _facts(container: InputContainer, stream: VideoStream, codec: str, look: Look) -> VideoFacts:
    duration: float | Fraction | None = None
    if stream.duration and stream.time_base:
        duration = stream.duration * stream.time_base
    elif container.duration:
        duration = container.duration / av.time_base
    rates = (stream.average_rate, stream.guessed_rate)
    return VideoFacts(
        stream=stream.index,
        container=container.format.name,
        codec=codec,
        fps=next((float(rate) for rate in rates if rate and rate > 0), 0.0),
        duration_s=float(duration) if duration is not None and duration > 0 else None,
        look=look,
    )


def refusal(error: av.FFmpegError | MemoryError, path: Path) -> QuarantinedError:
    """Return the reason, in our words, why libav could not read a file."""
    if isinstance(error, MemoryError) or error.errno == errno.ENOMEM:
        return QuarantinedError("memory-limit", "reading the file needs more memory than allowed")
    cut = cut_short(path)
    if cut:
        return QuarantinedError("truncated", cut)
    words = libav_words(error)
    if error.errno == errno.EIO:
        return QuarantinedError("truncated", words)
    decoding = "avcodec" in (error.filename or "")
    return QuarantinedError("undecodable" if decoding else "not-a-video", words)
