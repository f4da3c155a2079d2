"""Reads what the files of a source claim to be: headers and packets' times, undecoded."""

import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import av
import numpy as np

from aislewatch.config.machine import Ingest
from aislewatch.errors import QuarantinedError
from aislewatch.frames.timing import PictureTimes
from aislewatch.ingest.candidates import Candidate, check_candidate, list_candidates, list_remote
from aislewatch.ingest.decoder import video_limits
from aislewatch.ingest.folder import Progress
from aislewatch.ingest.intake import Refused
from aislewatch.ingest.packets import scan_times
from aislewatch.ingest.picture import Look
from aislewatch.ingest.probe import VideoFacts, VideoLimits, check_limits, probe_video, refusal
from aislewatch.ingest.remedies import COPY, DAMAGED, EXPORT_PICTURES
from aislewatch.ingest.remote import fetched
from aislewatch.ingest.sandbox import Sandbox
from aislewatch.ingest.supervisor import SandboxLimits

PROBE_JOB = "aislewatch.check.headers:probe_job"

# In a child's scratch folder: bounds_ns of PictureTimes.
TIMES = "times.npy"


@dataclass(frozen=True)
class Undecoded:
    """Holds what a video's headers and packets say: its facts, and when its pictures are shown."""

    facts: VideoFacts
    times: PictureTimes


def probe_job(request: dict[str, Any]) -> dict[str, Any]:
    """Probe one video and scan its packets into ``times.npy``; the sandbox's target.

    Args:
        request: video (absolute path), limits (of VideoLimits).

    Returns:
        VideoFacts as a dict.

    Raises:
        QuarantinedError: the video was refused.
    """
    limits, video = VideoLimits(**request["limits"]), Path(request["video"])
    facts = probe_video(video, limits)
    try:
        times = scan_times(video, facts)
    except av.FFmpegError as error:
        raise refusal(error, video) from None
    if not len(times):
        words = "the video track holds no picture"
        raise QuarantinedError("no-frames", words, EXPORT_PICTURES)
    check_limits(facts.look.width, facts.look.height, times.rate, times.duration_s, limits)
    np.save(TIMES, times.bounds_ns)
    return asdict(facts) | {"notices": [*facts.notices, *_loss(facts, times, limits)]}


def _loss(facts: VideoFacts, times: PictureTimes, limits: VideoLimits) -> list[str]:
    """Return a notice of what a file lacks that is shorter than its index has it.

    Raises:
        QuarantinedError: it lacks more than may be lost.
    """
    if not facts.cut:
        return []
    lost_s = max(0.0, (facts.duration_s or times.end_s) - times.end_s)
    if lost_s > limits.max_loss_s:
        raise QuarantinedError("truncated", facts.cut, DAMAGED)
    return [f"{facts.cut}: at least {lost_s:.1f} s at its end are lost -> {COPY}"]


def read_headers(
    raw: Path, source: str, limits: Ingest, progress: Progress
) -> tuple[dict[str, Undecoded], list[Refused]]:
    """Look at every video of a source, and at what ingest is sure to refuse.

    Args:
        raw: folder of the sources.
        source: the one to look at.
        limits: of the sandbox and of a video.
        progress: told after every file.

    Raises:
        FootageError: the source is missing.
    """
    found: dict[str, Undecoded] = {}
    refused: list[Refused] = []
    candidates = list_candidates(raw, [source]) + list_remote(raw, [source])
    request = {"limits": asdict(video_limits(limits))}
    most_bytes = int(limits.max_duration_s * limits.max_fps) * 2 * np.dtype(np.int64).itemsize
    of_child = SandboxLimits(limits.timeout_s, limits.memory_mib, most_bytes)
    sandbox = Sandbox(PROBE_JOB, of_child)
    try:
        for done, candidate in enumerate(candidates, start=1):
            try:
                found[candidate.video] = _probe(candidate, sandbox, request)
            except QuarantinedError as error:
                refused.append(Refused(candidate, error.reason, error.detail, error.remedy))
            progress(done, len(candidates))
    finally:
        sandbox.close()
    return found, refused


def _probe(candidate: Candidate, sandbox: Sandbox, request: dict[str, Any]) -> Undecoded:
    if candidate.remote is not None:
        with tempfile.TemporaryDirectory() as place, fetched(candidate.remote, Path(place)) as file:
            return _probe(replace(candidate, path=file, remote=None), sandbox, request)
    check_candidate(candidate)
    with tempfile.TemporaryDirectory() as scratch:
        video = str(candidate.path.absolute())
        facts = sandbox.run({**request, "video": video}, Path(scratch))
        bounds_ns = np.load(Path(scratch, TIMES), allow_pickle=False)
    return Undecoded(VideoFacts(**facts | {"look": Look(**facts["look"])}), PictureTimes(bounds_ns))
