"""A video to raw yuv420p frames by ffmpeg; ``decode_job`` runs inside the sandbox only."""

import os
import shutil
import signal
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ffmpeg
import imageio_ffmpeg
import numpy as np

from aislewatch.errors import FootageError, QuarantinedError
from aislewatch.frames.fingerprint import signature_of_frames
from aislewatch.ingest.faults import Damage, damage_at_end, search_damage
from aislewatch.ingest.formats import reading_options
from aislewatch.ingest.picture import fit_store, undo_fields
from aislewatch.ingest.probe import VideoFacts, VideoLimits, probe_video
from aislewatch.ingest.remedies import (
    CRASHED,
    DAMAGED,
    EXPORT_PICTURES,
    MORE_MEMORY,
    MORE_TIME,
    TOO_LONG,
)
from aislewatch.ingest.sandbox import describe_exit

FFMPEG_VARIABLE = "AISLEWATCH_FFMPEG"
FRAMES = "frames.yuv"
SIGNATURE = "signature.npy"

# Bytes of one allocation inside ffmpeg: a 9-megapixel picture in 16-bit 4:4:4 takes 54 MiB.
MAX_ALLOC = 256 << 20

# Bytes of ffmpeg's words that are looked at: the first lines name the cause.
WORDS_BYTES = 1 << 13


def find_ffmpeg() -> str:
    """The ffmpeg to run: what AISLEWATCH_FFMPEG names, else the one in the imageio-ffmpeg wheel.

    The wheel's is pinned with the other dependencies, so that a fresh clone reproduces the frames.

    Raises:
        FootageError: there is none.
    """
    named = os.environ.get(FFMPEG_VARIABLE)
    if named:
        found = shutil.which(named)
        if found is None:
            raise FootageError(
                f"{FFMPEG_VARIABLE} names {named!r}, which is no program; correct it"
            )
        return str(Path(found).resolve())
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        raise FootageError(
            "no ffmpeg: the imageio-ffmpeg package has none for this platform; install ffmpeg and "
            f"set {FFMPEG_VARIABLE} to it"
        ) from None


def ffmpeg_arguments(
    video: Path, facts: VideoFacts, fps: int, size: int, *, pictures: int | None = None
) -> list[str]:
    """Return the arguments that decode one video into ``frames.yuv`` in the working folder.

    ffmpeg turns the picture upright by itself before the first filter. ``eof_action=pass`` keeps a
    video that is shorter than one frame of the store.

    Args:
        video: the file.
        facts: what ``probe_video`` said of it.
        fps: frames a second to make.
        size: their width and height, pixels.
        pictures: how many of the file's pictures to use, where what follows is damaged.
    """
    times = {"r": facts.fps} if facts.is_raw else {}
    source = ffmpeg.input(
        f"file:{video}",
        threads=1,
        err_detect="explode",
        flags="bitexact",
        **times,
        **reading_options(facts.container),
    )
    film = source[str(facts.stream)]
    if pictures is not None:
        film = film.filter("trim", end_frame=pictures)
    film = undo_fields(film, facts.look).filter("fps", fps=fps, eof_action="pass")
    output = fit_store(film, facts.look, size).output(
        FRAMES, f="rawvideo", fps_mode="passthrough", threads=1, an=None, sn=None, dn=None
    )
    # Faults end the decoding, except behind the last picture that is wanted.
    stop = ("-xerror",) if pictures is None else ("-max_error_rate", "1")
    output = output.global_args(
        *("-nostdin", *stop, "-hide_banner", "-loglevel", "error"),
        *("-filter_complex_threads", "1", "-max_alloc", str(MAX_ALLOC)),
    )
    arguments: list[str] = output.get_args()
    return arguments


def decode_job(request: dict[str, Any]) -> dict[str, Any]:
    """Probe and decode one video into the working folder; the sandbox's target.

    Args:
        request: video (absolute path), ffmpeg (program), fps, size, limits (of VideoLimits).

    Returns:
        VideoFacts and its Look as a dict, with n_frames and lost_s; ``duration_s`` is always known.

    Raises:
        QuarantinedError: the video was refused.
    """
    video, fps, size = Path(request["video"]), request["fps"], request["size"]
    limits = VideoLimits(**request["limits"])
    facts = probe_video(video, limits)
    damage, torn = _decode(request, facts, limits)
    n_frames = _count_frames(size)
    damage = damage or damage_at_end(facts, n_frames / fps, torn=torn)
    notices = [*facts.notices, *([damage.accept(limits)] if damage else [])]
    np.save(SIGNATURE, signature_of_frames(Path(FRAMES), size, fps))
    whole = damage is None and facts.duration_s is not None
    return {
        **asdict(facts),
        **asdict(facts.look),
        "n_frames": n_frames,
        "duration_s": facts.duration_s if whole else n_frames / fps,
        "lost_s": damage.lost_s if damage else 0.0,
        "notices": notices,
    }


def _decode(
    request: dict[str, Any], facts: VideoFacts, limits: VideoLimits
) -> tuple[Damage | None, bool]:
    """Write the frames up to the damage; return that, and whether the file is torn off."""
    video, fps, size = Path(request["video"]), request["fps"], request["size"]
    status, words = _run_ffmpeg([request["ffmpeg"], *ffmpeg_arguments(video, facts, fps, size)])
    if status > 0 and "Cannot allocate memory" in words:
        words = "decoding needs more memory than allowed"
        raise QuarantinedError("memory-limit", words, MORE_MEMORY)
    if status == 0:
        return None, "File ended prematurely" in words
    pictures, damage = search_damage(video, facts)
    if damage:
        damage.accept(limits)
    Path(FRAMES).unlink(missing_ok=True)
    again = ffmpeg_arguments(video, facts, fps, size, pictures=pictures)
    if _run_ffmpeg([request["ffmpeg"], *again])[0] > 0:
        raise QuarantinedError("undecodable", "ffmpeg could not decode it to its end", DAMAGED)
    return damage, False


def _count_frames(size: int) -> int:
    n_frames, rest = divmod(Path(FRAMES).stat().st_size, size * size * 3 // 2)
    if n_frames == 0:
        raise QuarantinedError("no-frames", "decoding gave no picture", EXPORT_PICTURES)
    if rest:
        raise QuarantinedError("undecodable", "the last frame came out incomplete", DAMAGED)
    return n_frames


def _run_ffmpeg(command: list[str]) -> tuple[int, str]:
    """Exit status, not below 0, and words of ffmpeg; raises where the fault is not in the video."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={}
    ) as process:
        assert process.stderr is not None
        said = process.stderr.read(WORDS_BYTES)
        while process.stderr.read(WORDS_BYTES):
            pass
    words, status = said.decode(errors="replace"), process.returncode
    if "No space left on device" in words:
        raise FootageError("the disk is full; free some space and run it again")
    if status == -signal.SIGXFSZ or "File too large" in words:
        words = "it gives more frames than the longest video may have"
        raise QuarantinedError("too-long", words, TOO_LONG)
    if status == -signal.SIGXCPU:
        raise QuarantinedError("timeout", "decoding used up its processor time", MORE_TIME)
    if status < 0:
        raise QuarantinedError("crashed", f"ffmpeg ended by {describe_exit(status)}", CRASHED)
    return status, words
