"""Which videos must stay on one side of the split: connected components over what they share.

Two videos are linked when they are cut from one recording (same source, same file stem once the
part's number is removed), when their bytes are equal, or when they share frames.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

CAUSES = ["recording", "same_bytes", "near_duplicate"]


def recording_of(video: str, source: str, suffix: str) -> str:
    """The recording a video was cut from.

    Args:
        video: path relative to ``data/raw``; folders below the source do not matter, so that the
            normal and the shoplifting part of one take stay together.
        source: the video's source.
        suffix: regular expression of what tells parts of one recording apart
            (``split.recording_suffix``), removed from the file's stem.
    """
    return f"{source}/{re.sub(suffix, '', PurePosixPath(video).stem)}"


def link_videos(catalog: pd.DataFrame, duplicates: pd.DataFrame, suffix: str) -> pd.DataFrame:
    """All links between videos: a, b, cause (one of ``CAUSES``).

    Args:
        catalog: uses video, source, sha256.
        duplicates: pairs a, b, same_bytes, as validation wrote them.
        suffix: see ``recording_of``.
    """
    videos, sources = list(catalog["video"]), list(catalog["source"])
    recordings = [recording_of(v, s, suffix) for v, s in zip(videos, sources, strict=True)]
    near = duplicates[~duplicates["same_bytes"]]
    links = [(a, b, "recording") for a, b in _chain(videos, recordings)]
    links += [(a, b, "same_bytes") for a, b in _chain(videos, catalog["sha256"])]
    links += [(a, b, "near_duplicate") for a, b in zip(near["a"], near["b"], strict=True)]
    return pd.DataFrame(links, columns=["a", "b", "cause"])


def _chain(videos: Iterable[str], keys: Iterable[str]) -> list[tuple[str, str]]:
    """Link every video to the first of its key: as good as all pairs, and linear."""
    first: dict[str, str] = {}
    pairs = [(first.setdefault(key, v), v) for v, key in sorted(zip(videos, keys, strict=True))]
    return [(a, b) for a, b in pairs if a != b]


def group_videos(catalog: pd.DataFrame, links: pd.DataFrame) -> dict[str, str]:
    """The group of every video, named after its smallest video so that names stay as data grows.

    Links to videos outside the catalog are ignored.
    """
    videos = sorted(catalog["video"])
    place = {video: i for i, video in enumerate(videos)}
    known = links[links["a"].isin(place) & links["b"].isin(place)]
    a, b = known["a"].map(place).to_numpy(int), known["b"].map(place).to_numpy(int)
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(len(videos), len(videos)))
    _, component = connected_components(graph, directed=False)
    names: dict[int, str] = {}
    return {v: names.setdefault(int(c), v) for v, c in zip(videos, component, strict=True)}


def count_causes(groups: Mapping[str, str], links: pd.DataFrame) -> dict[str, int]:
    """How many groups were made by which kind of link.

    ``single_video`` groups needed none; ``several`` are held together by more than one kind.
    """
    kinds: dict[str, set[str]] = {}
    for a, cause in zip(links["a"].tolist(), links["cause"].tolist(), strict=True):
        if a in groups:
            kinds.setdefault(groups[a], set()).add(cause)
    counted = Counter("several" if len(kind) > 1 else min(kind) for kind in kinds.values())
    single = len(set(groups.values())) - len(kinds)
    return {"single_video": single, **{c: counted[c] for c in [*CAUSES, "several"]}}
