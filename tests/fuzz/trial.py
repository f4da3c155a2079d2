"""Cases through ingest's own intake and tables, and what must not happen on the way."""

import math
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from aislewatch.frames.store import FrameStore
from aislewatch.ingest.candidates import Candidate, list_candidates
from aislewatch.ingest.decoder import video_limits
from aislewatch.ingest.folder import open_decoders
from aislewatch.ingest.intake import Accepted, Intake, Refused
from aislewatch.ingest.outputs import catalog_of, quarantine_of
from aislewatch.tables.ingest import CATALOG, QUARANTINE
from tests.footage_samples import LIMITS, luma
from tests.fuzz.cases import Case
from tests.fuzz.traps import CANARY_LUMA, MARKER, Traps, set_traps

# The shipped limits with a patience of seconds: a file that is not refused by then never will be.
PATIENCE_S = 15.0
FUZZ_LIMITS = LIMITS.model_copy(update={"timeout_s": PATIENCE_S})

# Seconds for reading a file once; these are small.
READING_S = 5.0

# Seconds that a verdict may take: of reading and decoding, and a busy machine is forgiven as much
# again.
MOST_S = 2 * (READING_S + PATIENCE_S)

# Where programs and libraries lie on 64-bit Linux; libav also prints positions in the file.
_ADDRESS = re.compile(r"0x(5[5-6]|7[ef])[0-9a-f]{10}\b")

WORKERS = 2
FPS, SIZE = 10, 32
SOURCE = "fuzz"


@dataclass(frozen=True)
class Outcome:
    """The verdict on one case, and what was wrong about it."""

    case: Case
    reason: str
    detail: str
    seconds: float
    violations: tuple[str, ...]


class Trial:
    """A folder with sources, a store and decoders; traps lie beside the sources."""

    def __init__(self, folder: Path, traps: Traps, intake: Intake) -> None:
        self._folder, self._raw = folder, folder / "raw"
        self._traps, self._intake = traps, intake
        self._batches = count()

    def judge(self, cases: Sequence[Case], seeds: dict[str, bytes]) -> list[Outcome]:
        """Make the files, judge them as ingest does, write its tables, and remove all of it."""
        by_folder = {f"{number:04}": case for number, case in enumerate(cases)}
        self._intake.store.folder.mkdir(exist_ok=True)
        for name, case in by_folder.items():
            (self._raw / SOURCE / name).mkdir(parents=True)
            case.make(self._raw / SOURCE / name, seeds, self._traps)
        self._traps.sprung()
        candidates = list_candidates(self._raw, [SOURCE])
        found = {candidate.video.split("/")[1] for candidate in candidates}
        assert found == set(by_folder), "every case is one candidate"
        with ThreadPoolExecutor(WORKERS) as pool:
            outcomes = list(
                pool.map(
                    lambda candidate: self._one(
                        by_folder[candidate.video.split("/")[1]], candidate
                    ),
                    candidates,
                )
            )
        touched = self._traps.sprung()
        _remove(self._raw)
        _remove(self._intake.store.folder)
        if touched:
            whole = f"{cases[0].number} to {cases[-1].number}"
            outcomes.append(Outcome(Case(whole, "traps"), "", "", 0.0, tuple(touched)))
        return outcomes

    def _one(self, case: Case, candidate: Candidate) -> Outcome:
        start = time.monotonic()
        try:
            verdict = self._intake.judge(candidate)
        except Exception as error:  # Whatever it is, it would have stopped the stage.
            words = f"{type(error).__name__}: {error}"
            return Outcome(case, "error", words, time.monotonic() - start, (words,))
        seconds = time.monotonic() - start
        violations = self._check(verdict)
        if seconds > MOST_S:
            violations.append(f"took {seconds:.1f} s")
        reason = verdict.reason if isinstance(verdict, Refused) else "accepted"
        detail = verdict.detail if isinstance(verdict, Refused) else str(verdict.stored)
        if case.allowed and reason not in case.allowed:
            violations.append(f"{reason} ({detail}), not one of {sorted(case.allowed)}")
        return Outcome(case, reason, detail, seconds, tuple(violations))

    def _check(self, verdict: Accepted | Refused) -> list[str]:
        name = self._folder / f"table-{time.monotonic_ns()}"
        try:
            if isinstance(verdict, Refused):
                QUARANTINE.at(name.with_suffix(".csv")).write(quarantine_of([verdict]))
                return self._check_words(verdict)
            CATALOG.at(name.with_suffix(".parquet")).write(catalog_of([verdict], FPS))
            return self._check_frames(verdict)
        except (ValueError, UnicodeError) as error:
            return [f"the table cannot be written: {error}"]
        finally:
            name.unlink(missing_ok=True)

    def _check_words(self, verdict: Refused) -> list[str]:
        words = f"{verdict.detail} -> {verdict.remedy}"
        faults = {
            "no words": not (verdict.detail and verdict.remedy),
            "words that cannot be printed": not words.isprintable(),
            "words with a path of this machine": str(self._folder) in words,
            "words with an address in memory": bool(_ADDRESS.search(words)),
            "words from outside the source": MARKER in words,
            "our own code failed": verdict.reason == "crashed" and "ended by signal" not in words,
        }
        return [f"{fault}: {words!r}" for fault, is_so in faults.items() if is_so]

    def _check_frames(self, verdict: Accepted) -> list[str]:
        stored = verdict.stored
        y_THW = luma(self._intake.store.folder / stored.frames_file, SIZE)
        canary = (np.abs(y_THW.astype(int) - CANARY_LUMA) <= 2).all(axis=(1, 2))
        numbers = (stored.fps, stored.duration_s)
        faults = {
            "frames from outside the source": canary.any(),
            "frames lost": len(y_THW) != stored.n_frames or stored.n_frames < 1,
            "no number": not all(map(math.isfinite, numbers)) or min(numbers) < 0,
            "no size": min(stored.width, stored.height) < 1,
        }
        return [f"{fault}: {stored}" for fault, is_so in faults.items() if is_so]


@contextmanager
def open_trial(folder: Path) -> Iterator[Trial]:
    """A trial in an empty folder; its decoders end with it."""
    store = FrameStore(folder / "store", FPS, SIZE)
    scratch = folder / "scratch"
    scratch.mkdir(parents=True)
    with set_traps(folder / "outside") as traps, open_decoders(WORKERS, store, FUZZ_LIMITS) as idle:
        limits = video_limits(FUZZ_LIMITS)
        yield Trial(folder, traps, Intake(store, limits, READING_S, scratch, idle))
    left = list(scratch.iterdir())
    assert not left, f"left behind: {left}"


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
