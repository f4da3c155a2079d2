"""What the files of a source claim to be: a look at their headers, before any is decoded."""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aislewatch.config.machine import Ingest
from aislewatch.errors import QuarantinedError
from aislewatch.ingest.candidates import Candidate, check_candidate, list_candidates
from aislewatch.ingest.decoder import video_limits
from aislewatch.ingest.folder import Progress
from aislewatch.ingest.intake import Refused
from aislewatch.ingest.picture import Look
from aislewatch.ingest.probe import VideoFacts, VideoLimits, probe_video
from aislewatch.ingest.sandbox import Sandbox
from aislewatch.ingest.supervisor import SandboxLimits

PROBE_JOB = "aislewatch.check.headers:probe_job"

# Bytes that a child may write: its answer.
_ANSWER_BYTES = 1 << 16


def probe_job(request: dict[str, Any]) -> dict[str, Any]:
    """Probe one video; the sandbox's target.

    Args:
        request: video (absolute path), limits (of VideoLimits).

    Returns:
        VideoFacts as a dict.

    Raises:
        QuarantinedError: the video was refused.
    """
    limits = VideoLimits(**request["limits"])
    return asdict(probe_video(Path(request["video"]), limits))


def read_headers(
    raw: Path, source: str, limits: Ingest, progress: Progress
) -> tuple[dict[str, VideoFacts], list[Refused]]:
    """The facts of a source's videos by name, and the files that ingest is sure to refuse.

    Args:
        raw: folder of the sources.
        source: the one to look at.
        limits: of the sandbox and of a video.
        progress: told after every file.

    Raises:
        FootageError: the source is missing.
    """
    facts: dict[str, VideoFacts] = {}
    refused: list[Refused] = []
    candidates = list_candidates(raw, [source])
    request = {"limits": asdict(video_limits(limits))}
    of_child = SandboxLimits(limits.timeout_s, limits.memory_mib, _ANSWER_BYTES)
    sandbox = Sandbox(PROBE_JOB, of_child)
    try:
        for done, candidate in enumerate(candidates, start=1):
            try:
                facts[candidate.video] = _probe(candidate, sandbox, request)
            except QuarantinedError as error:
                refused.append(Refused(candidate, error.reason, error.detail))
            progress(done, len(candidates))
    finally:
        sandbox.close()
    return facts, refused


def _probe(candidate: Candidate, sandbox: Sandbox, request: dict[str, Any]) -> VideoFacts:
    check_candidate(candidate)
    with tempfile.TemporaryDirectory() as scratch:
        video = str(candidate.path.absolute())
        facts = sandbox.run({**request, "video": video}, Path(scratch))
    return VideoFacts(**facts | {"look": Look(**facts["look"])})
