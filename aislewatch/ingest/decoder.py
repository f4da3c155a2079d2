"""Decoding as the rest of the library sees it: ingest and detection both use this."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import av

from aislewatch.config.machine import Ingest
from aislewatch.ingest.probe import VideoLimits
from aislewatch.ingest.sandbox import Sandbox
from aislewatch.ingest.supervisor import SandboxLimits

DECODE_JOB = "aislewatch.ingest.decode:decode_job"

# The libraries that decode, scale and time: another version of them may give other frames.
DECODED_BY = re.sub(r"[^\w.]", "_", f"ffmpeg{av.ffmpeg_version_info}_av{av.__version__}")

# Seconds beyond the longest video: what it decodes to may be rounded up.
ROUNDING_S = 1


def video_limits(limits: Ingest) -> VideoLimits:
    """Return the limits on a video, without those on decoding it."""
    return VideoLimits(
        limits.max_duration_s, limits.max_megapixels, limits.max_fps, limits.max_loss_s
    )


class Decoder:
    """Decodes videos in a sandbox, one at a time; use one a thread, and close it.

    Args:
        fps: frames a second to make.
        size: their width and height, pixels.
        limits: of the sandbox and of a video.
    """

    def __init__(self, fps: int, size: int, limits: Ingest) -> None:
        self._request = {
            "fps": fps,
            "size": size,
            "limits": asdict(video_limits(limits)),
        }
        most_bytes = int((limits.max_duration_s + ROUNDING_S) * fps) * (size * size * 3 // 2)
        of_child = SandboxLimits(limits.timeout_s, limits.memory_mib, most_bytes)
        self._sandbox = Sandbox(DECODE_JOB, of_child)

    def decode_video(self, video: Path, folder: Path) -> dict[str, Any]:
        """Decode into ``folder``, which must exist: frames, signature and times of the pictures.

        Returns:
            The fields of StoredVideo but for the key.

        Raises:
            QuarantinedError: the video was refused.
            FootageError: something that is not the video's fault.
        """
        return self._sandbox.run({**self._request, "video": str(video.absolute())}, folder)

    def close(self) -> None:
        """End the sandbox."""
        self._sandbox.close()
