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
from aislewatch.ingest.faults import first_fault, lacks_its_end
from aislewatch.ingest.picture import fit_store, undo_fields
from aislewatch.ingest.probe import VideoFacts, VideoLimits, probe_video, reading_options
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


def ffmpeg_arguments(video: Path, facts: VideoFacts, fps: int, size: int) -> list[str]:
    """Arguments that decode one video into ``frames.yuv`` in the working folder.

    ffmpeg turns the picture upright by itself before the first filter. ``eof_action=pass`` keeps a
    video that is shorter than one frame of the store.
    """
    source = ffmpeg.input(
        f"file:{video}",
        threads=1,
        err_detect="explode",
        flags="bitexact",
        **reading_options(facts.container),
    )
    pictures = undo_fields(source[str(facts.stream)], facts.look)
    frames = fit_store(pictures.filter("fps", fps=fps, eof_action="pass"), facts.look, size)
    output = frames.output(
        FRAMES, f="rawvideo", fps_mode="passthrough", threads=1, an=None, sn=None, dn=None
    ).global_args(
        *("-nostdin", "-xerror", "-hide_banner", "-loglevel", "error"),
        *("-filter_complex_threads", "1", "-max_alloc", str(MAX_ALLOC)),
    )
    arguments: list[str] = output.get_args()
    return arguments


def decode_job(request: dict[str, Any]) -> dict[str, Any]:
    """Probe and decode one video into the working folder; the sandbox's target.

    Args:
        request: video (absolute path), ffmpeg (program), fps, size, limits (of VideoLimits).

    Returns:
        VideoFacts and its Look as a dict, with n_frames, and ``duration_s`` always known.

    Raises:
        QuarantinedError: the video was refused.
    """
    video = Path(request["video"])
    fps, size = request["fps"], request["size"]
    facts = probe_video(video, VideoLimits(**request["limits"]))
    command = [request["ffmpeg"], *ffmpeg_arguments(video, facts, fps, size)]
    status, words = _run_ffmpeg(command)
    if status > 0 and "Cannot allocate memory" in words:
        raise QuarantinedError("memory-limit", "decoding needs more memory than allowed")
    if status > 0:
        raise first_fault(video, facts)
    if "File ended prematurely" in words:
        raise QuarantinedError("truncated", "the file ends before its last element does")
    n_frames, rest = divmod(Path(FRAMES).stat().st_size, size * size * 3 // 2)
    if n_frames == 0:
        raise QuarantinedError("no-frames", "decoding gave no picture")
    if rest:
        raise QuarantinedError("undecodable", "the last frame came out incomplete")
    if lacks_its_end(facts, n_frames / fps):
        words = f"{n_frames / fps:.1f} s of the stated {facts.duration_s:.1f} s could be decoded"
        raise QuarantinedError("truncated", words)
    np.save(SIGNATURE, signature_of_frames(Path(FRAMES), size, fps))
    duration_s = n_frames / fps if facts.duration_s is None else facts.duration_s
    return {**asdict(facts), **asdict(facts.look), "n_frames": n_frames, "duration_s": duration_s}


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
        raise QuarantinedError("too-long", "it gives more frames than the longest video may have")
    if status == -signal.SIGXCPU:
        raise QuarantinedError("timeout", "decoding used up its processor time")
    if status < 0:
        raise QuarantinedError("crashed", f"ffmpeg ended by {describe_exit(status)}")
    return status, words
