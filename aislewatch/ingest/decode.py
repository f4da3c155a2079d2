"""Turns a video into raw yuv420p frames, in one pass by libav; inside the sandbox only."""

import errno
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.video.stream import VideoStream

from aislewatch.errors import FootageError, QuarantinedError
from aislewatch.frames.fingerprint import signature_of_frames
from aislewatch.frames.stretches import FrameTimes
from aislewatch.frames.timing import PictureTimes
from aislewatch.ingest.faults import Damage, damage_at_end
from aislewatch.ingest.film import Film
from aislewatch.ingest.formats import open_video
from aislewatch.ingest.keeping import FrameSink, Keeper
from aislewatch.ingest.notices import timing_notices
from aislewatch.ingest.packets import scan_times
from aislewatch.ingest.picture import look_at
from aislewatch.ingest.probe import VideoFacts, VideoLimits, check_limits, probe_video, refusal
from aislewatch.ingest.remedies import EXPORT_PICTURES, TOO_LONG

FRAMES = "frames.yuv"
SIGNATURE = "signature.npy"
TIMES = "times.npy"

# Faults are told, not mended; and decoding rounds alike on every machine (WMV does not otherwise).
DECODING = {"err_detect": "explode", "flags": "+bitexact"}

# What libav says, and raises no error, where matroska ends inside an element.
TORN = "File ended prematurely"

# Bytes written at once: 40 frames of 128×128.
BUFFER = 1 << 20


def decode_job(request: dict[str, Any]) -> dict[str, Any]:
    """Probe and decode one video into the working folder; the sandbox's target.

    Args:
        request: video (absolute path), fps, size, limits (of VideoLimits).

    Returns:
        The fields of StoredVideo but for the key.

    Raises:
        QuarantinedError: the video was refused.
        FootageError: the disk is full.
    """
    video, fps, size = Path(request["video"]), request["fps"], request["size"]
    limits = VideoLimits(**request["limits"])
    facts = probe_video(video, limits)
    try:
        if facts.claims_too_much(limits):
            _check_claims(video, facts, limits)
        with Path(FRAMES).open("wb", buffering=BUFFER) as file:
            times, damage = read_film(video, facts, fps, (size, size), file)
    except av.FFmpegError as error:
        # Opened to stop at every fault, a file that the probe could read may not open.
        raise refusal(error, video) from None
    except OSError as error:
        raise _failure(error) from None
    notices = facts.notices + timing_notices(times, None if damage else facts.duration_s)
    notices += [damage.accept(limits)] if damage else []
    kept = FrameTimes.of_pictures(times, fps)
    if not kept.n_frames:
        raise QuarantinedError("no-frames", "decoding gave no picture", EXPORT_PICTURES)
    check_limits(facts.look.width, facts.look.height, times.rate, times.duration_s, limits)
    # What lies behind a damage was written before it was noticed.
    os.truncate(FRAMES, kept.n_frames * size * size * 3 // 2)
    np.save(TIMES, times.bounds_ns)
    np.save(SIGNATURE, signature_of_frames(Path(FRAMES), size, fps))
    return {
        **asdict(facts.look),
        "codec": facts.codec,
        "n_frames": kept.n_frames,
        "stretches": kept.to_text(),
        "pictures": len(times),
        "fps": times.rate,
        "duration_s": times.duration_s,
        "end_s": times.end_s,
        "lost_s": damage.lost_s if damage else 0.0,
        "notices": notices,
    }


def _check_claims(video: Path, facts: VideoFacts, limits: VideoLimits) -> None:
    """Refuse what is too long or too fast by its packets' times, before hours of it are decoded.

    Where they cannot be read to their end, decoding tells the damage.

    Raises:
        QuarantinedError: the header is right, and more than is allowed.
    """
    with suppress(av.FFmpegError):
        times = scan_times(video, facts)
        check_limits(facts.look.width, facts.look.height, times.rate, times.duration_s, limits)


def read_film(
    video: Path, facts: VideoFacts, fps: int, size: tuple[int, int], frames: FrameSink
) -> tuple[PictureTimes, Damage | None]:
    """Decode a video, and give ``frames`` those of the store in this size, each once.

    Args:
        video: the file.
        facts: what ``probe_video`` said of it.
        fps: frames a second of the store.
        size: their width and height, pixels, both even.
        frames: gets them as packed I420; those behind a damage, too.

    Returns:
        When the pictures are shown, up to the damage, and the damage.

    Raises:
        av.FFmpegError: it cannot be opened.
    """
    with (
        open_video(video, facts.container, err_detect="explode") as container,
        av.logging.Capture() as said,
    ):
        # Each word counts, also one that the process has heard before.
        av.logging.set_skip_repeated(False)
        stream = cast(VideoStream, container.streams[facts.stream])
        stream.codec_context.thread_count = 1
        stream.codec_context.options = DECODING
        keeper = Keeper(frames, fps, size, lambda picture: look_at(stream, picture))
        film = Film(container, stream, facts, video.stat().st_size, keeper)
        damage = film.read()
    if damage is not None:
        return film.times().before(damage.kept_s), damage
    torn = any(TORN in words for _, _, words in said)
    return film.times(), damage_at_end(facts, film.reached_s, film.times().end_s, torn=torn)


def _failure(error: OSError) -> FootageError:
    """Return what a frame that could not be written means; other errors stay what they are."""
    if error.errno == errno.EFBIG:
        words = "it gives more frames than the longest video may have"
        return QuarantinedError("too-long", words, TOO_LONG)
    if error.errno == errno.ENOSPC:
        return FootageError("the disk is full; free some space and run it again")
    raise error
