"""Tables as the split reads them, made up: videos that share recordings, bytes, copies, cameras."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from aislewatch.config.params import load_params
from aislewatch.split.divide import Division, Targets, split
from aislewatch.split.groups import Grouping, find_ties, group_videos
from aislewatch.split.memory import FixedSides, fixed_sides
from aislewatch.tables.split import ASSIGNMENTS

SUFFIX = load_params(Path("params.yaml")).split.recording_suffix
TARGETS = Targets(0.70, 0.15, 0.15, 1.0)
# For tables that are not about shares: any assignment with both classes on every side will do.
ANYHOW = Targets(0.70, 0.15, 0.15, 100.0)


def videos_of(names: Sequence[str], digests: Sequence[str] | None = None) -> pd.DataFrame:
    """Make videos without properties; the first folder is source and camera."""
    folders = [name.split("/")[0] for name in names]
    digests = digests or [hashlib.sha256(name.encode()).hexdigest() for name in names]
    columns = {"video": names, "source": folders, "camera": folders, "sha256": digests}
    return pd.DataFrame(columns, dtype="str").assign(recording="", official="", scene="")


def pairs_of(pairs: Iterable[tuple[str, str, float]], copy_from: float = 0.3) -> pd.DataFrame:
    """Make a table of duplicates: pairs with a share from ``copy_from`` are copies."""
    rows = sorted({(min(a, b), max(a, b)): share for a, b, share in pairs if a != b}.items())
    table = pd.DataFrame([(a, b, s) for (a, b), s in rows], columns=["a", "b", "share"])
    table = table.astype({"a": "str", "b": "str", "share": "float64"})
    labels_conflict = table["a"].str.contains("/normal/") != table["b"].str.contains("/normal/")
    return table.assign(
        is_copy=table["share"] >= copy_from,
        same_bytes=False,
        labels_conflict=labels_conflict,
        start_a_s=0.0,
        end_a_s=2.0,
        start_b_s=1.0,
        end_b_s=3.0,
        speed=1.0,
        mirrored=False,
    )


def memory_of(rows: Iterable[tuple[str, str, str]] = ()) -> pd.DataFrame:
    """Make what ``read_assignments`` returns: video, sha256, split."""
    return pd.DataFrame(list(rows), columns=ASSIGNMENTS.names, dtype="str")


def clips_of(counts: dict[str, tuple[int, int]]) -> pd.DataFrame:
    """Make clips of videos with the given numbers of negatives and positives."""
    labels = {video: [0] * n + [1] * p for video, (n, p) in counts.items()}
    rows = [(v, i * 8, label) for v, own in labels.items() for i, label in enumerate(own)]
    return pd.DataFrame(rows, columns=["video", "start", "label"])


def even(videos: int) -> dict[str, tuple[int, int]]:
    """Return numbers of clips that can be shared out well."""
    return {
        f"s/{'normal' if i % 2 else 'shoplifting'}/v{i:03d}.mp4": (4 + i % 5, 4 * (i % 2 == 0))
        for i in range(videos)
    }


@dataclass(frozen=True)
class SplitTables:
    """What the split reads."""

    videos: pd.DataFrame
    duplicates: pd.DataFrame
    clips: pd.DataFrame

    def only(self, names: Iterable[str]) -> "SplitTables":
        """Keep these videos alone; pairs with others stay, as for refused videos."""
        kept = set(names)
        return SplitTables(
            self.videos[self.videos["video"].isin(kept)],
            self.duplicates,
            self.clips[self.clips["video"].isin(kept)],
        )


@dataclass(frozen=True)
class Divided:
    """Everything on the way to a split."""

    fixed: dict[str, FixedSides]
    ties: pd.DataFrame
    grouping: Grouping
    division: Division

    @property
    def side(self) -> dict[str, str]:
        """Return the side of every video that has clips and takes part."""
        splits = self.division.splits
        return dict(zip(splits["video"], splits["split"], strict=True))


def divide(
    footage: SplitTables,
    memory: pd.DataFrame | None = None,
    keep_together: Sequence[str] = (),
    targets: Targets = ANYHOW,
    follow_official: bool = False,
    train_only: Sequence[str] = (),
) -> Divided:
    """Do the steps of the stage."""
    known = memory_of() if memory is None else memory
    fixed = fixed_sides(footage.videos, known, follow_official, train_only)
    ties = find_ties(footage.videos, footage.duplicates, SUFFIX, keep_together)
    grouping = group_videos(fixed, ties)
    return Divided(fixed, ties, grouping, split(footage.clips, grouping, targets))


def remember(divided: Divided, videos: pd.DataFrame) -> pd.DataFrame:
    """Return the memory after accepting a split."""
    digests = dict(zip(videos["video"], videos["sha256"], strict=True))
    return memory_of((v, digests[v], side) for v, side in sorted(divided.side.items()))


@st.composite
def footage(draw: st.DrawFn, least: int = 8, most: int = 40) -> SplitTables:
    """Draw tables with shared recordings, equal files, copies, cameras, official sides."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(least, most))
    crowd = draw(st.integers(n // 2, 3 * n))
    names = sorted(
        {
            f"{'st'[generator.integers(2)]}/{('normal', 'shoplifting')[generator.integers(2)]}"
            f"/take{generator.integers(crowd)}_part{i}.mp4"
            for i in range(n)
        }
    )
    videos = videos_of(names, [f"{generator.integers(4 * crowd):064x}" for _ in names])
    choose: Any = generator.choice
    videos["camera"] = choose([*map(str, range(crowd)), ""], n)
    videos["recording"] = np.where(generator.random(n) < 0.1, choose(["monday", "tuesday"], n), "")
    videos["official"] = choose(["train", "train", "train", "val", "test", "test", ""], n)
    pairs = [(*choose(names, 2), generator.random()) for _ in range(draw(st.integers(0, 8)))]
    sizes = generator.integers(0, 30, (n, 2)) * (generator.random((n, 1)) < 0.9)
    counts = {name: (int(a), int(b)) for name, (a, b) in zip(names, sizes, strict=True)}
    return SplitTables(videos, pairs_of(pairs), clips_of(counts))
