"""Tells which video a task of Label Studio means: its uploads have changed names."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from aislewatch.labels.addresses import ends_of, paths_of
from aislewatch.labels.label_studio_export import StudioTask

# Label Studio puts this before the name of an uploaded file, and takes blanks and signs out of it.
_PREFIX = re.compile(r"[0-9a-f]{8}-")
_SIGNS = re.compile(r"[^-\w.]")

_VIDEO_KEYS = ("video", "video_url", "url", "file", "path")


def uploaded_names(videos: Iterable[str]) -> dict[str, list[str]]:
    """Map the name, less its prefix, that videos would have after an upload to these videos."""
    names: dict[str, list[str]] = {}
    for video in sorted(videos):
        name = _SIGNS.sub("", PurePosixPath(video).name.strip().replace(" ", "_"))
        names.setdefault(name, []).append(video)
    return names


def spellings(task: StudioTask, uploads: Mapping[str, list[str]]) -> Iterator[str]:
    """Yield what may be the name of a task's video, the most exact first.

    Args:
        task: its data hold the video under a usual key, or under any other as a path.
        uploads: ``uploaded_names`` of the source's videos.
    """
    texts = {key.lower(): text for key, text in task.data.items() if isinstance(text, str)}
    values = [texts[key] for key in _VIDEO_KEYS if key in texts]
    for written in values or [text for text in texts.values() if "/" in text]:
        yield written
        for path in paths_of(written):
            yield from ends_of(path)
            yield from _original(path, uploads)
    yield from _original(task.upload, uploads)


def _original(path: str, uploads: Mapping[str, list[str]]) -> Iterator[str]:
    name = PurePosixPath(path).name
    if prefix := _PREFIX.match(name):
        yield name[prefix.end() :]
        same = uploads.get(name[prefix.end() :], [])
        if len(same) == 1:
            yield same[0]
