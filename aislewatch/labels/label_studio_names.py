"""How Label Studio names a video: URLs of its storages, and uploads under changed names."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

from aislewatch.labels.label_studio_export import Task

# Label Studio puts this before the name of an uploaded file, and takes blanks and signs out of it.
_PREFIX = re.compile(r"[0-9a-f]{8}-")
_SIGNS = re.compile(r"[^-\w.]")

_VIDEO_KEYS = ("video", "video_url", "url", "file", "path")


def uploaded_names(videos: Iterable[str]) -> dict[str, list[str]]:
    """Videos by the name, less its prefix, that they would have after an upload."""
    names: dict[str, list[str]] = {}
    for video in sorted(videos):
        name = _SIGNS.sub("", PurePosixPath(video).name.strip().replace(" ", "_"))
        names.setdefault(name, []).append(video)
    return names


def spellings(task: Task, uploads: Mapping[str, list[str]]) -> Iterator[str]:
    """What may be the name of a task's video, the most exact first.

    Args:
        task: its data hold the video under a usual key, or under any other as a path.
        uploads: ``uploaded_names`` of the source's videos.
    """
    values = [task.data[key] for key in _VIDEO_KEYS if isinstance(task.data.get(key), str)]
    others = [text for text in task.data.values() if isinstance(text, str) and "/" in text]
    for written in values or others:
        yield written
        yield from _of_url(written, uploads)
    yield from _original(task.upload, uploads)


def _of_url(written: str, uploads: Mapping[str, list[str]]) -> Iterator[str]:
    try:
        url = urlsplit(written)
    except ValueError:
        return
    # A file of a local storage is served as /data/local-files/?d=folder/a.mp4.
    path = parse_qs(url.query).get("d", [unquote(url.path)])[0]
    yield path
    yield PurePosixPath(path).name
    yield from _original(path, uploads)


def _original(path: str, uploads: Mapping[str, list[str]]) -> Iterator[str]:
    name = PurePosixPath(path).name
    if prefix := _PREFIX.match(name):
        yield name[prefix.end() :]
        same = uploads.get(name[prefix.end() :], [])
        if len(same) == 1:
            yield same[0]
