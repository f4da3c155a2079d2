"""Decoded frames, every video once: a private store, and the current set of it in data/frames.

The private store outlives a change of parameters and the removal of an output by DVC. A file in it
is complete from the moment it has its name, and is never written again: DVC may make it read-only
and share its inode.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aislewatch.errors import FootageError
from aislewatch.files import (
    fsync_folder,
    move_synced,
    sha256_file,
    tree_digest,
    whole_file,
    whole_folder,
)
from aislewatch.frames.fingerprint import SIGNATURE_VERSION, Signature, signature_of_frames

# Part of a stored file's name: raise it when the same video gives other frames.
DECODER_VERSION = 2

# Key of the facts' own digest.
_SEAL = "seal"

# Where hard links end: another file system, a file system without links, too many, or forbidden.
_NO_LINK = (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EACCES)


@dataclass(frozen=True)
class StoredVideo:
    """A decoded video.

    Width and height are as displayed, in pixels; ``fps`` is the original's. ``lost_s`` are the
    seconds at its end that were damaged; ``notices`` what people should know of it, each
    ``what was seen -> what to do``.
    """

    key: str
    codec: str
    width: int
    height: int
    fps: float
    duration_s: float
    n_frames: int
    lost_s: float
    notices: list[str]

    @property
    def frames_file(self) -> str:
        """Name of the file of frames."""
        return f"{self.key}.yuv"


@dataclass(frozen=True)
class FrameStore:
    """The private store, seen through one frame format.

    A video is ``<key>.yuv`` (packed I420), ``<key>.s<version>.npy`` (signature) and ``<key>.json``
    (facts, with the sha256 of both files and of itself), written in this order: where the facts
    are, the frames are.
    """

    folder: Path
    fps: int
    size: int

    def key(self, sha256: str) -> str:
        """Name of a video's files: its content, the format, and the version of our decoding."""
        return f"{sha256}-{self.fps}fps-{self.size}px-v{DECODER_VERSION}"

    def find(self, key: str) -> StoredVideo | None:
        """The video, or None where it is not stored or its files do not fit each other."""
        try:
            facts = read_facts(self._path(key, "json"))
            del facts["sha256"]
            stored = StoredVideo(key=key, **facts)
            complete = self._path(key, "yuv").stat().st_size == stored.n_frames * self.frame_bytes
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None
        return stored if complete else None

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame."""
        return self.size * self.size * 3 // 2

    def add(self, video: StoredVideo, frames: Path, signature: Path) -> None:
        """Take a decoded video in.

        The two files are moved, and the facts written beside them first: their folder must be on
        the store's file system and is the caller's to remove, also after a kill.
        """
        facts = asdict(video)
        del facts["key"]
        facts["sha256"] = {"yuv": sha256_file(frames), _SIGNATURE: sha256_file(signature)}
        facts_file = frames.with_name("facts.json")
        facts_file.write_text(_sealed(facts))
        move_synced(frames, self._path(video.key, "yuv"))
        move_synced(signature, self._path(video.key, _SIGNATURE))
        fsync_folder(self.folder)
        move_synced(facts_file, self._path(video.key, "json"))
        fsync_folder(self.folder)

    def signature(self, key: str) -> Signature:
        """A stored video's signature; made from its frames where it is missing."""
        path = self._path(key, _SIGNATURE)
        try:
            stored: Signature = np.load(path, allow_pickle=False)
        except (FileNotFoundError, ValueError, EOFError):
            stored = signature_of_frames(self._path(key, "yuv"), self.size, self.fps)
            with whole_file(path) as temporary, temporary.open("wb") as file:
                np.save(file, stored)
            facts = read_facts(self._path(key, "json"))
            facts["sha256"][_SIGNATURE] = sha256_file(path)
            with whole_file(self._path(key, "json")) as temporary:
                temporary.write_text(_sealed(facts))
        return stored

    def publish(self, videos: Iterable[StoredVideo], folder: Path) -> None:
        """Make ``folder`` hold the frames of these videos and nothing else, whole or not at all."""
        with whole_folder(folder) as temporary:
            for name in sorted({video.frames_file for video in videos}):
                _link_or_copy(self.folder / name, temporary / name)

    def digest(self, videos: Iterable[StoredVideo]) -> str:
        """Compute `sha256_tree` of what ``publish`` makes of these videos, without reading frames.

        Each was hashed when it was stored, and is never written again.
        """
        known = {
            video.frames_file: str(read_facts(self._path(video.key, "json"))["sha256"]["yuv"])
            for video in videos
        }
        return tree_digest(known)

    def _path(self, key: str, suffix: str) -> Path:
        return self.folder / f"{key}.{suffix}"


_SIGNATURE = f"s{SIGNATURE_VERSION}.npy"


def read_facts(file: Path) -> dict[str, Any]:
    """Facts of a stored video: fields of StoredVideo but for the key, and ``sha256`` by suffix.

    Raises:
        FileNotFoundError: there are none.
        ValueError: the file is not byte for byte what was written.
    """
    text = file.read_text()
    facts: dict[str, Any] = json.loads(text)
    if not isinstance(facts, dict) or not facts.pop(_SEAL, None) or text != _sealed(facts):
        raise ValueError(f"{file} is damaged")
    return facts


def _sealed(facts: dict[str, Any]) -> str:
    """JSON that holds a digest of itself."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return json.dumps(facts | {_SEAL: digest}, indent=2, sort_keys=True) + "\n"


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        shutil.copyfile(source, target)


def read_clip(
    frames_dir: Path,
    frames_file: str,
    start: int,
    n_frames: int,
    step: int,
    out_TKW: npt.NDArray[np.uint8],
) -> None:
    """Read a clip's frames into ``out_TKW`` by positional reads; threads may call it at once.

    Args:
        frames_dir: the frame store.
        frames_file: the video's file in it.
        start: first frame, counted from 0.
        n_frames: frames to read (T).
        step: frames from one to the next.
        out_TKW: uint8 (T, 3/2 size, size), C-contiguous, overwritten.

    Raises:
        FootageError: the file is missing or ends before the clip does.
    """
    frame_bytes = out_TKW[0].nbytes
    try:
        # A joined string: pathlib adds 6 µs to the 40 of reading a clip from the page cache.
        descriptor = os.open(f"{frames_dir}/{frames_file}", os.O_RDONLY)
    except FileNotFoundError:
        raise FootageError(f"{frames_dir / frames_file} is missing; run the ingest stage") from None
    try:
        if step == 1:
            _read(descriptor, start * frame_bytes, out_TKW, frames_file)
        else:
            for t in range(n_frames):
                _read(descriptor, (start + t * step) * frame_bytes, out_TKW[t], frames_file)
    finally:
        os.close(descriptor)


def _read(descriptor: int, offset: int, out: npt.NDArray[np.uint8], frames_file: str) -> None:
    buffer = out.reshape(-1).data
    while buffer:
        count = os.preadv(descriptor, [buffer], offset)
        if count == 0:
            raise FootageError(
                f"{frames_file} ends at byte {offset}, inside a clip; run the ingest stage again"
            )
        buffer, offset = buffer[count:], offset + count
