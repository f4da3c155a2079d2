"""Decoded frames, every video once: a private store, and the current set of it in the data set.

The private store outlives a change of parameters and the removal of an output by DVC. A file in it
is complete from the moment it has its name, and is never written again: DVC may make it read-only
and share its inode.
"""

import errno
import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aislewatch.files import (
    fsync_folder,
    move_synced,
    sha256_file,
    tree_digest,
    whole_file,
    whole_folder,
)
from aislewatch.frames.fingerprint import SIGNATURE_VERSION, Signature, signature_of_frames
from aislewatch.frames.timing import PictureTimes

# Part of a stored file's name: raise it when the same video gives other frames.
DECODER_VERSION = 5

# Key of the facts' own digest.
_SEAL = "seal"

# Where hard links end: another file system, a file system without links, too many, or forbidden.
_NO_LINK = (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EACCES)


@dataclass(frozen=True)
class StoredVideo:
    """A decoded video.

    Args:
        key: names its files.
        codec: of the original, as ffmpeg calls it.
        width: of the original as displayed, pixels.
        height: of the original as displayed, pixels.
        pictures: of the original, counted.
        fps: of them a second on average, while there are any.
        duration_s: seconds during which there is a picture.
        end_s: second of a player's clock at which the last picture ends.
        n_frames: frames in the store.
        stretches: which instants they are, as ``FrameTimes.to_text`` writes it.
        lost_s: seconds at its end that were damaged.
        notices: what people should know of it, each ``what was seen -> what to do``.
    """

    key: str
    codec: str
    width: int
    height: int
    pictures: int
    fps: float
    duration_s: float
    end_s: float
    n_frames: int
    stretches: str
    lost_s: float
    notices: list[str]

    @property
    def frames_file(self) -> str:
        """Return the name of the file of frames."""
        return f"{self.key}.yuv"


@dataclass(frozen=True)
class FrameStore:
    """The private store, seen through one frame format.

    A video is ``<key>.yuv`` (packed I420), ``<key>.times.npy`` (when the original's pictures are
    shown), ``<key>.s<version>.npy`` (signature) and ``<key>.json`` (facts, with the sha256 of the
    other files and of itself), written in this order: where the facts are, the frames are.
    """

    folder: Path
    fps: int
    size: int

    def key(self, sha256: str, decoder: str) -> str:
        """Name a video's files: by its content, the format, our version and the decoder's.

        Args:
            sha256: of the original.
            decoder: what decodes it, in letters, digits, dots and underscores.
        """
        return f"{sha256}-{self.fps}fps-{self.size}px-v{DECODER_VERSION}-{decoder}"

    def find(self, key: str) -> StoredVideo | None:
        """Return the video, or None if it is not stored or its files do not fit each other."""
        try:
            facts = read_facts(self._path(key, "json"))
            del facts["sha256"]
            stored = StoredVideo(key=key, **facts)
            frames_bytes = self._path(key, "yuv").stat().st_size
            pictures = len(self.times(key))
        except (FileNotFoundError, ValueError, TypeError, KeyError, EOFError):
            return None
        whole = stored.n_frames * self.frame_bytes, stored.pictures
        return stored if (frames_bytes, pictures) == whole else None

    @property
    def frame_bytes(self) -> int:
        """Count the bytes of a frame."""
        return self.size * self.size * 3 // 2

    def add(self, video: StoredVideo, frames: Path, times: Path, signature: Path) -> None:
        """Take a decoded video in.

        The three files are moved, and the facts written beside them first: their folder must be on
        the store's file system and is the caller's to remove, also after a kill.
        """
        files = {"yuv": frames, _TIMES: times, _SIGNATURE: signature}
        facts = asdict(video)
        del facts["key"]
        facts["sha256"] = {suffix: sha256_file(file) for suffix, file in files.items()}
        facts_file = frames.with_name("facts.json")
        facts_file.write_text(sealed(facts))
        for suffix, file in files.items():
            move_synced(file, self._path(video.key, suffix))
        fsync_folder(self.folder)
        move_synced(facts_file, self._path(video.key, "json"))
        fsync_folder(self.folder)

    def times(self, key: str) -> PictureTimes:
        """Return when the pictures of a stored video's original are shown."""
        return PictureTimes(np.load(self._path(key, _TIMES), allow_pickle=False))

    def signature(self, key: str) -> Signature:
        """Return a stored video's signature; made from its frames where it is missing."""
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
                temporary.write_text(sealed(facts))
        return stored

    def publish(self, videos: Iterable[StoredVideo], folder: Path) -> None:
        """Make ``folder`` hold the frames of these videos and nothing else, whole or not at all."""
        with whole_folder(folder) as temporary:
            for name in sorted({video.frames_file for video in videos}):
                link_or_copy(self.folder / name, temporary / name)

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


_TIMES = "times.npy"
_SIGNATURE = f"s{SIGNATURE_VERSION}.npy"


def read_facts(file: Path) -> dict[str, Any]:
    """Read a stored video's facts: StoredVideo's fields but the key, and ``sha256`` by suffix.

    Raises:
        FileNotFoundError: there are none.
        ValueError: the file is not byte for byte what was written.
    """
    text = file.read_text()
    facts: dict[str, Any] = json.loads(text)
    if not isinstance(facts, dict) or not facts.pop(_SEAL, None) or text != sealed(facts):
        raise ValueError(f"{file} is damaged")
    return facts


def sealed(facts: dict[str, Any]) -> str:
    """Encode JSON that holds a digest of itself; ``read_facts`` checks that."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return json.dumps(facts | {_SEAL: digest}, indent=2, sort_keys=True) + "\n"


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name; copy it where the file system allows none."""
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        shutil.copyfile(source, target)
