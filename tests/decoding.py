"""Decodes one video as a child of the sandbox does, in the working folder of the test."""

import ctypes
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import av

from aislewatch.errors import QuarantinedError
from aislewatch.ingest.decode import decode_job
from aislewatch.ingest.decoder import video_limits
from tests.footage_samples import LIMITS

# Pixels a side of a decoded frame.
SIZE = 32


def decode(video: Path, fps: int = 10, size: int = SIZE, **limits: float) -> dict[str, Any]:
    """Decode into the working folder; ``limits`` are keys of params.yaml's ingest."""
    asked = video_limits(LIMITS.model_copy(update=limits))
    return decode_job({"video": str(video), "fps": fps, "size": size, "limits": asdict(asked)})


@contextmanager
def without_simd() -> Iterator[None]:
    """Have libav compute everything by its C code, as on a processor without vector units."""
    [library] = Path(av.__file__).parent.with_name("av.libs").glob("libavutil-*")
    # The library that is loaded already: av_force_cpu_flags of libavutil/cpu.h.
    force = ctypes.CDLL(str(library)).av_force_cpu_flags
    force(0)
    try:
        yield
    finally:
        force(-1)


def refusal(video: Path, **limits: float) -> QuarantinedError | None:
    """Return why a video is refused, in words that a person can use; None where it is not."""
    try:
        decode(video, **limits)
    except QuarantinedError as refused:
        for words in (refused.detail, refused.remedy):
            assert words
            assert str(video.parent) not in words
            assert not re.search(r"0x[0-9a-f]{8}", words)
        return refused
    return None


def verdict(video: Path, **limits: float) -> str:
    """Return ``accepted``, or the reason of the refusal."""
    refused = refusal(video, **limits)
    return refused.reason if refused else "accepted"
