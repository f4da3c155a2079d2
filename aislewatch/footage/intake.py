"""One file's way into the frame store: checked, hashed, decoded if new; or the reason why not."""

import queue
import tempfile
import threading
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from aislewatch.errors import FootageError, QuarantinedError
from aislewatch.files import sha256_file
from aislewatch.footage.candidates import Candidate, check_candidate
from aislewatch.footage.decode import FRAMES, SIGNATURE
from aislewatch.footage.probe import VideoLimits, check_limits
from aislewatch.footage.sandbox import Sandbox
from aislewatch.footage.store import FrameStore, StoredVideo


@dataclass(frozen=True)
class Accepted:
    """A video that is in the frame store."""

    candidate: Candidate
    sha256: str
    stored: StoredVideo


@dataclass(frozen=True)
class Refused:
    """A file that was not taken in, and why."""

    candidate: Candidate
    reason: str
    detail: str


@dataclass(frozen=True)
class Intake:
    """What judging a file needs; threads share it.

    ``sandboxes`` holds the idle ones; ``decoded`` collects the keys of videos that were new.
    """

    store: FrameStore
    limits: VideoLimits
    ffmpeg: str
    scratch: Path
    sandboxes: "queue.SimpleQueue[Sandbox]"
    decoded: set[str] = field(default_factory=set)
    _locks: dict[str, threading.Lock] = field(default_factory=dict)

    def judge(self, candidate: Candidate) -> Accepted | Refused:
        """Take a file in, or say why not.

        Raises:
            FootageError: something that is not the video's fault.
        """
        path = candidate.path
        try:
            check_candidate(candidate)
            before = _stamp(path)
            digest = _digest(path)
            stored = self._stored(path, self.store.key(digest))
            if _stamp(path) != before:
                raise QuarantinedError("changed", "the file changed while it was read")
        except QuarantinedError as error:
            return Refused(candidate, error.reason, error.detail)
        except OSError as error:
            raise FootageError(f"cannot keep the frames of {candidate.video}: {error}") from None
        return Accepted(candidate, digest, stored)

    def _stored(self, video: Path, key: str) -> StoredVideo:
        # Copies of one video in two places are decoded once: the second waits for the first.
        with self._locks.setdefault(key, threading.Lock()):
            stored = self.store.find(key)
            if stored is None:
                return self._decode(video, key)
        check_limits(stored.width, stored.height, stored.fps, stored.duration_s, self.limits)
        return stored

    def _decode(self, video: Path, key: str) -> StoredVideo:
        request = {
            "video": str(video.absolute()),
            "ffmpeg": self.ffmpeg,
            "fps": self.store.fps,
            "size": self.store.size,
            "limits": asdict(self.limits),
        }
        sandbox = self.sandboxes.get()
        try:
            with tempfile.TemporaryDirectory(dir=self.scratch) as name:
                facts = sandbox.run(request, Path(name)) | {"key": key}
                stored = StoredVideo(
                    **{part.name: facts[part.name] for part in fields(StoredVideo)}
                )
                self.store.add(stored, Path(name) / FRAMES, Path(name) / SIGNATURE)
        finally:
            self.sandboxes.put(sandbox)
        self.decoded.add(key)
        return stored


def _stamp(path: Path) -> tuple[int, int]:
    """Size in bytes and time of the last change; zeros where the file is gone."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _digest(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise QuarantinedError("unreadable", error.strerror or type(error).__name__) from None
