"""Judges files on the workers of a Dask cluster, which share footage and store with this one."""

import queue
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aislewatch.cluster import Lost, fan_out
from aislewatch.config.machine import Ingest
from aislewatch.frames.store import FrameStore
from aislewatch.ingest.candidates import Candidate
from aislewatch.ingest.decoder import Decoder, video_limits
from aislewatch.ingest.intake import Accepted, Intake, Refused
from aislewatch.ingest.scratch import scratch_folder

# The idle decoders of a worker process, by what they make: a start imports PyAV, a video does not.
_IDLE: dict[tuple[int, int, Ingest], "queue.SimpleQueue[Decoder]"] = {}


@dataclass(frozen=True)
class Judge:
    """Judges one file in a worker: the same functions as on one machine, so the same bytes.

    Args:
        store: its folder by an absolute path, on a file system that all machines share.
        scratch: a folder there, of the ingest that asks: what a killed worker leaves goes with it.
        limits: of the sandbox and of a video.
    """

    store: FrameStore
    scratch: Path
    limits: Ingest

    def __call__(self, candidate: Candidate) -> tuple[Accepted | Refused, bool]:
        """Take a file in, or say why not; and whether it was decoded now.

        Raises:
            FootageError: something that is not the video's fault.
        """
        key = (self.store.fps, self.store.size, self.limits)
        idle = _IDLE.setdefault(key, queue.SimpleQueue())
        try:
            decoder = idle.get_nowait()
        except queue.Empty:
            decoder = Decoder(self.store.fps, self.store.size, self.limits)
        own: queue.SimpleQueue[Decoder] = queue.SimpleQueue()
        own.put(decoder)
        try:
            with tempfile.TemporaryDirectory(dir=self.scratch) as scratch:
                intake = Intake(
                    self.store, video_limits(self.limits), self.limits.timeout_s, Path(scratch), own
                )
                verdict = intake.judge(candidate)
        finally:
            idle.put(decoder)
        return verdict, bool(intake.decoded)


def judge_on(
    address: str,
    candidates: Sequence[Candidate],
    store: FrameStore,
    limits: Ingest,
    progress: Callable[[int, int], None],
) -> tuple[list[Accepted | Refused], int]:
    """Judge files on a cluster; return their verdicts in order, and how many were decoded.

    A file at which its workers died is refused.

    Raises:
        FootageError: something that is not a video's fault.
        PipelineError: the cluster does not answer.
    """
    # The sources may be links; the files in them must not be.
    absolute = [replace(one, path=_absolute(one.path)) for one in candidates]
    with scratch_folder(store.folder) as scratch:
        there = Judge(replace(store, folder=store.folder.resolve()), scratch.resolve(), limits)
        return _collect(candidates, fan_out(address, there, absolute), progress)


def _collect(
    candidates: Sequence[Candidate],
    found_there: Iterable[tuple[int, tuple[Accepted | Refused, bool] | Lost]],
    progress: Callable[[int, int], None],
) -> tuple[list[Accepted | Refused], int]:
    verdicts: list[Accepted | Refused | None] = [None] * len(candidates)
    keys = set()
    for done, (place, found) in enumerate(found_there, start=1):
        candidate = candidates[place]
        if isinstance(found, Lost):
            verdicts[place] = Refused(
                candidate,
                "killed-workers",
                f"every process of the cluster that took it died ({found.why})",
                "decode it on one machine (machine.cluster: null), and see to the workers' memory",
            )
        else:
            verdict, decoded = found
            verdicts[place] = replace(verdict, candidate=candidate)
            if decoded and isinstance(verdict, Accepted):
                keys.add(verdict.stored.key)
        progress(done, len(candidates))
    return [verdict for verdict in verdicts if verdict is not None], len(keys)


def _absolute(path: Path) -> Path:
    return path.parent.resolve() / path.name
