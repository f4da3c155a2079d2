"""Brings one file into the frame store: checked, hashed, decoded if new; or says why not."""

import hashlib
import os
import queue
import stat
import tempfile
import threading
import time
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from aislewatch.errors import FootageError, QuarantinedError
from aislewatch.files import HASH_BLOCK, whole_file
from aislewatch.frames.store import FrameStore, StoredVideo
from aislewatch.ingest.candidates import Candidate, check_candidate, unreadable
from aislewatch.ingest.decode import FRAMES, SIGNATURE, TIMES
from aislewatch.ingest.decoder import DECODED_BY, Decoder
from aislewatch.ingest.probe import VideoLimits, check_limits
from aislewatch.ingest.remedies import MORE_TIME, WRITTEN
from aislewatch.ingest.remote import RemoteFile, fetched

# Folder beside the store: the sha256 of every state of an object that was fetched, by its name.
FETCHED = "fetched"


@dataclass(frozen=True)
class Accepted:
    """A video that is in the frame store."""

    candidate: Candidate
    sha256: str
    stored: StoredVideo


@dataclass(frozen=True)
class Refused:
    """A file that was not taken in, why, and what to do about it."""

    candidate: Candidate
    reason: str
    detail: str
    remedy: str


@dataclass(frozen=True)
class Intake:
    """What judging a file needs; threads share it.

    ``timeout_s`` is for reading a file once; ``decoders`` holds the idle ones; ``decoded`` collects
    the keys of videos that were new.
    """

    store: FrameStore
    limits: VideoLimits
    timeout_s: float
    scratch: Path
    decoders: "queue.SimpleQueue[Decoder]"
    decoded: set[str] = field(default_factory=set)
    _locks: dict[str, threading.Lock] = field(default_factory=dict)

    def judge(self, candidate: Candidate) -> Accepted | Refused:
        """Take a file in, or say why not.

        Raises:
            FootageError: something that is not the video's fault.
        """
        try:
            return self._take_in(candidate)
        except QuarantinedError as error:
            return Refused(candidate, error.reason, error.detail, error.remedy)
        except OSError as error:
            words = f"cannot keep the frames of {candidate.video}: {error}"
            raise FootageError(f"{words}; see to the disk, and run it again") from None

    def _take_in(self, candidate: Candidate) -> Accepted:
        if candidate.remote is not None:
            return self._take_in_remote(candidate, candidate.remote)
        check_candidate(candidate)
        path = candidate.path
        before = _stamp(path)
        changed = QuarantinedError("changed", "the file changed while it was read", WRITTEN)
        try:
            digest = _digest(path, self.timeout_s)
            stored = self._stored(path, self.store.key(digest, DECODED_BY))
        except QuarantinedError:
            # A half-written file looks damaged; what is wrong is that it is being written.
            if _stamp(path) != before:
                raise changed from None
            raise
        if _stamp(path) != before:
            raise changed
        return Accepted(candidate, digest, stored)

    def _take_in_remote(self, candidate: Candidate, remote: RemoteFile) -> Accepted:
        """Fetch a video, unless this state of it was taken in before."""
        known = self.store.folder.with_name(FETCHED) / remote.name()
        if known.is_file():
            digest = known.read_text()
            if stored := self._find(self.store.key(digest, DECODED_BY)):
                return Accepted(candidate, digest, stored)
        with fetched(remote, self.scratch) as file:
            accepted = self._take_in(replace(candidate, path=file, remote=None))
        known.parent.mkdir(exist_ok=True)
        with whole_file(known) as temporary:
            temporary.write_text(accepted.sha256)
        return replace(accepted, candidate=candidate)

    def _stored(self, video: Path, key: str) -> StoredVideo:
        # Copies of one video in two places are decoded once: the second waits for the first.
        with self._locks.setdefault(key, threading.Lock()):
            return self._find(key) or self._decode(video, key)

    def _find(self, key: str) -> StoredVideo | None:
        """Return what the store has of a video; None where more of it was lost than may be now."""
        stored = self.store.find(key)
        if stored is None or stored.lost_s > self.limits.max_loss_s:
            return None
        check_limits(stored.width, stored.height, stored.fps, stored.duration_s, self.limits)
        return stored

    def _decode(self, video: Path, key: str) -> StoredVideo:
        decoder = self.decoders.get()
        try:
            with tempfile.TemporaryDirectory(dir=self.scratch) as name:
                facts = decoder.decode_video(video, Path(name)) | {"key": key}
                stored = StoredVideo(
                    **{part.name: facts[part.name] for part in fields(StoredVideo)}
                )
                self.store.add(stored, *(Path(name) / file for file in (FRAMES, TIMES, SIGNATURE)))
        finally:
            self.decoders.put(decoder)
        self.decoded.add(key)
        return stored


def _stamp(path: Path) -> tuple[int, int, int]:
    """Return a file's identity, size in bytes and time of last change; zeros if it is gone."""
    try:
        status = path.lstat()
    except OSError:
        return 0, 0, 0
    return status.st_ino, status.st_size, status.st_mtime_ns


def _digest(path: Path, timeout_s: float) -> str:
    """Compute the sha256 of a file's bytes, in hex.

    Raises:
        QuarantinedError: it cannot be read, or not within the time: a sparse file of a few blocks
            may claim exabytes.
    """
    digest = hashlib.sha256()
    deadline = time.monotonic() + timeout_s
    try:
        # What was a file when it was checked may be a link or a pipe by now.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                words = "the file was replaced while it was read"
                raise QuarantinedError("changed", words, WRITTEN)
            while block := file.read(HASH_BLOCK):
                digest.update(block)
                if time.monotonic() > deadline:
                    words = f"reading the file took longer than {timeout_s:g} s"
                    raise QuarantinedError("timeout", words, MORE_TIME)
    except OSError as error:
        raise unreadable(error) from None
    return digest.hexdigest()
