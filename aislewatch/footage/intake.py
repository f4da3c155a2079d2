"""One file's way into the frame store: checked, hashed, decoded if new; or the reason why not."""

import queue
import tempfile
import threading
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from aislewatch.errors import QuarantinedError
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
        try:
            check_candidate(candidate)
            before = candidate.path.stat()
            digest = sha256_file(candidate.path)
            stored = self._stored(candidate.path, self.store.key(digest))
            after = candidate.path.stat()
        except QuarantinedError as error:
            return Refused(candidate, error.reason, error.detail)
        except OSError as error:
            if error.filename != str(candidate.path):
                raise
            return Refused(candidate, "unreadable", error.strerror or type(error).__name__)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            return Refused(candidate, "changed", "the file changed while it was read")
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
