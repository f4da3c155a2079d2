"""Decodes one video as a child of the sandbox does, in the working folder of the test."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aislewatch.errors import QuarantinedError
from aislewatch.ingest.decode import FRAMES, decode_job, find_ffmpeg
from aislewatch.ingest.decoder import video_limits
from tests.footage_samples import LIMITS


def decode(
    video: Path, fps: int = 10, size: int = 32, ffmpeg: str = "", **limits: float
) -> dict[str, Any]:
    """Decode into the working folder; ``limits`` are keys of params.yaml's ingest."""
    Path(FRAMES).unlink(missing_ok=True)
    return decode_job(
        {
            "video": str(video),
            "ffmpeg": ffmpeg or find_ffmpeg(),
            "fps": fps,
            "size": size,
            "limits": asdict(video_limits(LIMITS.model_copy(update=limits))),
        }
    )


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
