"""Brings raw footage into the frame store: every file below the sources is decoded or refused."""

import queue
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aislewatch.config.machine import Ingest, one_a_core
from aislewatch.errors import FootageError
from aislewatch.frames.store import FrameStore
from aislewatch.ingest.candidates import Candidate, list_candidates, list_remote
from aislewatch.ingest.decoder import Decoder, video_limits
from aislewatch.ingest.intake import Accepted, Intake, Refused
from aislewatch.ingest.scratch import scratch_folder
from aislewatch.ingest.spread import judge_on

# Told (files done, files in all) after every file.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class IngestResult:
    """Every file's verdict, sorted by name, and how many videos had to be decoded."""

    accepted: list[Accepted]
    refused: list[Refused]
    decoded: int


def ingest(
    raw: Path,
    sources: Sequence[str],
    store: FrameStore,
    limits: Ingest,
    progress: Progress,
    workers: int = 0,
    cluster: str | None = None,
) -> IngestResult:
    """Decode what the store lacks, each video in a sandboxed process of its own.

    Args:
        raw: folder of the sources.
        sources: its subfolders to take footage from.
        store: where decoded frames are kept.
        limits: of the sandbox and of a video.
        progress: told after every file.
        workers: videos decoded at once, one process each; 0: one a CPU core.
        cluster: address of a Dask scheduler whose workers decode instead; they share the folders.

    Raises:
        FootageError: a source is missing, no video is accepted, there is no ffmpeg, or the disk is
            full. What was decoded until then is kept.
        PipelineError: the cluster does not answer.
    """
    candidates = list_candidates(raw, sources) + list_remote(raw, sources)
    if cluster is not None:
        verdicts, decoded = judge_on(cluster, candidates, store, limits, progress)
        return _result(raw, sources, verdicts, decoded)
    workers = min(one_a_core(workers), max(1, len(candidates)))
    with (
        scratch_folder(store.folder) as scratch,
        open_decoders(workers, store, limits) as decoders,
    ):
        intake = Intake(store, video_limits(limits), limits.timeout_s, scratch, decoders)
        verdicts = _judge(intake, candidates, workers, progress)
    return _result(raw, sources, verdicts, len(intake.decoded))


def _result(
    raw: Path, sources: Sequence[str], verdicts: Sequence[Accepted | Refused], decoded: int
) -> IngestResult:
    accepted = [verdict for verdict in verdicts if isinstance(verdict, Accepted)]
    refused = [verdict for verdict in verdicts if isinstance(verdict, Refused)]
    if not accepted:
        raise FootageError(_nothing(raw, sources, refused))
    return IngestResult(accepted, refused, decoded)


def _judge(
    intake: Intake, candidates: Sequence[Candidate], workers: int, progress: Progress
) -> list[Accepted | Refused]:
    pool = ThreadPoolExecutor(workers)
    try:
        running = [pool.submit(intake.judge, candidate) for candidate in candidates]
        for done, verdict in enumerate(as_completed(running), start=1):
            verdict.result()
            progress(done, len(candidates))
        return [verdict.result() for verdict in running]
    finally:
        # Not waiting: after an error or Ctrl-C, closing the decoders ends what is still at work.
        pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def open_decoders(
    count: int, store: FrameStore, limits: Ingest
) -> Iterator["queue.SimpleQueue[Decoder]"]:
    """Start idle decoders for as many threads; on leaving, end them and what they run."""
    decoders = [Decoder(store.fps, store.size, limits) for _ in range(count)]
    idle: queue.SimpleQueue[Decoder] = queue.SimpleQueue()
    for decoder in decoders:
        idle.put(decoder)
    try:
        yield idle
    finally:
        for decoder in decoders:
            decoder.close()


def _nothing(raw: Path, sources: Sequence[str], refused: Sequence[Refused]) -> str:
    where = ", ".join(str(raw / source) for source in sources)
    if not refused:
        return f"no video in {where}; put footage there (docs/data.md says how)"
    reasons = Counter(verdict.reason for verdict in refused)
    counts = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    first = refused[0]
    return (
        f"none of {len(refused)} file(s) in {where} could be used ({counts}); for example "
        f"{first.candidate.video}: {first.detail} -> {first.remedy}"
    )
