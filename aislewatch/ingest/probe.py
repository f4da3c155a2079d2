"""Reads what a video file claims to be, without trusting it; runs inside the sandbox only.

Every refusal is a ``QuarantinedError`` whose words hold no path and no address, so that the
quarantine table is the same on every machine.
"""

import errno
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from aislewatch.errors import QuarantinedError
from aislewatch.ingest import remedies
from aislewatch.ingest.boxes import cut_short, is_encrypted, is_joined
from aislewatch.ingest.candidates import unreadable
from aislewatch.ingest.formats import (
    RAW_STREAMS,
    READ_HERE,
    READ_ONCE,
    begins_again,
    libav_words,
    open_video,
)
from aislewatch.ingest.picture import Look, look_at
from aislewatch.ingest.rate import judge_rate
from aislewatch.ingest.tracks import check_codec, choose_track, other_tracks

# How a Git LFS pointer starts (git-lfs, docs/spec.md): often uploaded in place of the file.
LFS_POINTER = b"version https://git-lfs"


@dataclass(frozen=True)
class VideoLimits:
    """Largest video accepted: seconds, millions of pixels a picture, frames a second.

    ``max_loss_s`` are the seconds at its end that may be lost to damage.
    """

    max_duration_s: float
    max_megapixels: float
    max_fps: float
    max_loss_s: float


@dataclass(frozen=True)
class VideoFacts:
    """What the file says of itself.

    ``fps`` is 0 where nothing tells, and ``duration_s`` None where the file does not say (a stream
    dumped to disk), or says nonsense. ``cut`` says by how much the file is shorter than its index
    has it; it is empty where it is whole. ``notices`` are sentences for people, each
    ``what was seen -> what to do``.
    """

    stream: int
    container: str
    codec: str
    fps: float
    duration_s: float | None
    look: Look
    cut: str
    notices: list[str]

    @property
    def is_raw(self) -> bool:
        """Return whether the file holds pictures without times: they are then ``fps`` a second."""
        return self.container in RAW_STREAMS

    def claims_too_much(self, limits: VideoLimits) -> bool:
        """Tell whether the header states a rate or a length that would be refused if true."""
        too_long = self.duration_s is not None and self.duration_s > limits.max_duration_s
        return too_long or self.fps > limits.max_fps


def probe_video(path: Path, limits: VideoLimits) -> VideoFacts:
    """Read the headers and decode one frame.

    Raises:
        QuarantinedError: not a video, or one that is broken, encrypted or over a limit.
    """
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise unreadable(error) from None
    if not head:
        words = "the file has no bytes"
        raise QuarantinedError("empty", words, f"{remedies.COPY}, or {remedies.REMOVE}")
    if head.startswith(LFS_POINTER):
        words = "it is a Git LFS pointer, not the video"
        remedy = "run `git lfs pull` where it came from, and copy it again"
        raise QuarantinedError("not-a-video", words, remedy)
    try:
        with open_video(path) as container:
            return _read(container, path, limits)
    except (av.FFmpegError, MemoryError) as error:
        raise refusal(error, path) from None
    except OSError as error:
        raise unreadable(error) from None


def check_limits(
    width: int, height: int, fps: float, duration_s: float, limits: VideoLimits
) -> None:
    """Raise QuarantinedError where a video is larger, faster or longer than allowed.

    Args:
        width: as displayed, pixels.
        height: as displayed, pixels.
        fps: pictures a second that were counted, not those that a header states.
        duration_s: seconds during which they are shown, not those that a header states.
        limits: what is allowed.
    """
    _check_picture(width, height, limits)
    if fps > limits.max_fps:
        words = f"{fps:g} frames a second; the limit is {limits.max_fps:g}"
        remedy = f"raise ingest.max_fps in params.yaml, or leave some out: {remedies.SLOWER}"
        raise QuarantinedError("too-fast", words, remedy)
    if duration_s > limits.max_duration_s:
        words = f"{duration_s:.1f} s; the limit is {limits.max_duration_s:g} s"
        raise QuarantinedError("too-long", words, remedies.TOO_LONG)


def _check_picture(width: int, height: int, limits: VideoLimits) -> None:
    if width <= 0 or height <= 0:
        words = "no picture could be read: its size is unknown"
        raise QuarantinedError("undecodable", words, remedies.DAMAGED)
    if width * height > limits.max_megapixels * 1e6:
        words = f"{width}x{height} pixels; the limit is {limits.max_megapixels:g} million"
        remedy = f"raise ingest.max_megapixels in params.yaml, or scale it: {remedies.SHRINK}"
        raise QuarantinedError("too-large", words, remedy)


def _read(container: InputContainer, path: Path, limits: VideoLimits) -> VideoFacts:
    stream, others = choose_track(container)
    if container.format.name.startswith("mov") and is_encrypted(path):
        words = "the video track is encrypted (encv)"
        raise QuarantinedError("encrypted", words, remedies.DECRYPT)
    codec = check_codec(stream)
    _check_picture(stream.width, stream.height, limits)
    most = int(limits.max_duration_s * limits.max_fps)
    if len(stream.index_entries) > most:
        words = f"the index lists {len(stream.index_entries)} pictures; the limits allow {most}"
        raise QuarantinedError("too-long", words, remedies.TOO_LONG)
    cut = _cut(stream, path)
    if cut and not limits.max_loss_s:
        raise QuarantinedError("truncated", cut, remedies.DAMAGED)
    _check_whole(container, path)
    stream.codec_context.thread_count = 1
    frame = next(container.decode(stream), None)
    if frame is None:
        words = "the video track holds no picture"
        raise QuarantinedError("no-frames", words, remedies.EXPORT_PICTURES)
    look, rate = look_at(stream, frame), judge_rate(container, stream)
    facts = VideoFacts(
        stream=stream.index,
        container=container.format.name,
        codec=codec,
        fps=rate.fps,
        duration_s=_duration_s(container, stream),
        look=look,
        cut=cut,
        notices=[*other_tracks(stream, others), *rate.notices],
    )
    _check_picture(look.width, look.height, limits)
    return facts


def _check_whole(container: InputContainer, path: Path) -> None:
    """Refuse a file that several were joined into, so that what follows the first is lost."""
    joined = False
    if container.format.name.startswith("mov"):
        joined = is_joined(path)
    elif container.format.name.startswith(READ_ONCE):
        with path.open("rb") as file:
            joined = begins_again(file)
    if joined:
        words = "several videos stand in it one after another, and only the first can be read"
        raise QuarantinedError("joined", words, remedies.JOIN)


def _cut(stream: VideoStream, path: Path) -> str:
    """Say by how much a file is shorter than its index has it; nothing where it is whole."""
    size = path.stat().st_size
    end = max((entry.pos + entry.size for entry in stream.index_entries), default=0)
    return f"the index reaches to byte {end}, the file ends at {size}" if end > size else ""


def _duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    duration: float | Fraction | None = None
    if stream.duration and stream.time_base:
        duration = stream.duration * stream.time_base
    elif container.duration:
        duration = container.duration / av.time_base
    return float(duration) if duration is not None and duration > 0 else None


def refusal(error: av.FFmpegError | MemoryError, path: Path) -> QuarantinedError:
    """Return the reason, in our words, why libav could not read a file."""
    if isinstance(error, MemoryError) or error.errno == errno.ENOMEM:
        words = "reading the file needs more memory than allowed"
        return QuarantinedError("memory-limit", words, remedies.MORE_MEMORY)
    cut = cut_short(path)
    if cut:
        return QuarantinedError("truncated", cut, remedies.REPAIR)
    words = libav_words(error)
    if error.errno == errno.EIO:
        words = f"the file ends inside its headers or its first picture ({words})"
        return QuarantinedError("truncated", words, remedies.COPY)
    if "avcodec" in (error.filename or ""):
        words = f"the first picture cannot be decoded ({words})"
        return QuarantinedError("undecodable", words, remedies.DAMAGED)
    # Where libav names the list of containers it was given, ours says more.
    words = "" if "whitelist" in words else f" ({words})"
    words = f"it is no video of a kind that is read here, which are {READ_HERE}{words}"
    return QuarantinedError("not-a-video", words, remedies.CONVERT)
