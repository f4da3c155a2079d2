"""Reads what is settled before footage is shared out: remembered sides, official ones, train only.

``data/assignments.csv`` (video, sha256, split) is the split's memory. It is committed, the stage
only reads it, and ``aislewatch split accept`` appends to it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from aislewatch.errors import SplitError
from aislewatch.files import whole_file
from aislewatch.split.assignment import SIDES
from aislewatch.tables import places
from aislewatch.tables.ingest import CATALOG
from aislewatch.tables.split import ASSIGNMENTS, SPLITS


@dataclass(frozen=True)
class FixedSides:
    """Says where a video may lie.

    Args:
        remembered: its side by ``data/assignments.csv``, or empty.
        official: the sides that its data set's authors leave open; all three where they state
            none or are not followed; train where its source is for training only.
        rank: when ties leave two videos no common side, that of the lower rank keeps its own:
            what is remembered, then the official test, validation and training side, then the
            rest, and last the sources for training only.
    """

    remembered: str
    official: frozenset[str]
    rank: int

    @property
    def sides(self) -> frozenset[str]:
        """Return the sides open to the video."""
        return frozenset([self.remembered]) if self.remembered else self.official


def read_assignments(path: Path = places.ASSIGNMENTS) -> pd.DataFrame:
    """Read the memory as text, in the file's order.

    Raises:
        SplitError: it is missing, malformed, or has the same content on two sides.
    """
    try:
        table = pd.read_csv(path, dtype="str", keep_default_na=False)
    except FileNotFoundError:
        raise SplitError(
            f"{path} is missing; take it back from git (git checkout -- {path}), or, to forget "
            f"every old split, write the line {','.join(ASSIGNMENTS.names)} into it"
        ) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise SplitError(
            f"{path} is no CSV of {', '.join(ASSIGNMENTS.names)} "
            f"({error}); correct it, or take it back from git (git checkout -- {path})"
        ) from None
    if list(table.columns) != ASSIGNMENTS.names:
        raise SplitError(
            f"{path} has the columns {', '.join(table.columns)}; it needs "
            f"{', '.join(ASSIGNMENTS.names)}: correct its first line"
        )
    for row, side in enumerate(table["split"], start=2):
        if side not in SIDES:
            raise SplitError(f"{path}, row {row}: {side!r} is no side; write {', '.join(SIDES)}")
    torn = table.groupby("sha256")["split"].nunique()
    for sha256 in torn.index[torn > 1]:
        rows = table.index[table["sha256"] == sha256] + 2
        raise SplitError(
            f"{path}, rows {', '.join(map(str, rows))}: the same file (sha256 {sha256[:12]}…) is "
            "on two sides; keep the rows of one"
        )
    return table


def remembered_sides(videos: pd.DataFrame, memory: pd.DataFrame) -> dict[str, str]:
    """Return the side of every video that the memory knows.

    A row speaks for the video of its name and content; where that is gone, for one with its
    content, which was renamed; where that is gone too, for the one of its name, which was encoded
    anew. Another copy of a remembered video is a new video, tied to the old one by its bytes.

    Args:
        videos: uses video and sha256.
        memory: as ``read_assignments`` returned it; of several rows for a name the last counts.
    """
    rows = set(zip(memory["video"], memory["sha256"], strict=True))
    by_content = dict(zip(memory["sha256"], memory["split"], strict=True))
    sides: dict[str, str] = {}
    for sha256, names in videos[videos["sha256"].isin(by_content)].groupby("sha256")["video"]:
        holders = sorted(names)
        known = [video for video in holders if (video, sha256) in rows]
        sides |= dict.fromkeys(known or holders[:1], by_content[str(sha256)])
    lost = memory[~memory["sha256"].isin(videos["sha256"])]
    by_name = dict(zip(lost["video"], lost["split"], strict=True))
    anew = videos[videos["video"].isin(by_name) & ~videos["sha256"].isin(by_content)]["video"]
    return sides | {video: by_name[video] for video in anew}


def fixed_sides(
    videos: pd.DataFrame, memory: pd.DataFrame, follow_official: bool, train_only: Collection[str]
) -> dict[str, FixedSides]:
    """Return the sides that the memory, official splits and sources leave open to each video.

    Args:
        videos: uses video, source, sha256 and official.
        memory: as ``read_assignments`` returned it.
        follow_official: the authors' sides count.
        train_only: sources whose videos lie on no other side than train, unless remembered there.

    Raises:
        SplitError: official sides are to be followed and there are none, or the memory says
            otherwise.
    """
    remembered = remembered_sides(videos, memory)
    official = _official_sides(videos) if follow_official else {}
    _refuse_other_than_official(remembered, official)
    everywhere = frozenset(SIDES)
    ranks = dict(zip(videos["video"], videos["official"].map(_RANKS), strict=True))
    ranks = {video: ranks[video] if video in official else _OPEN for video in videos["video"]}
    own = videos.loc[videos["source"].isin(train_only), "video"]
    official |= dict.fromkeys(own, frozenset(["train"]))
    ranks |= dict.fromkeys(own, _TRAIN_ONLY) | dict.fromkeys(remembered, 0)
    return {
        video: FixedSides(
            remembered.get(video, ""), official.get(video, everywhere), int(ranks[video])
        )
        for video in videos["video"]
    }


# Who is left out when official sides leak: the test side stays comparable with published figures.
_RANKS = {"test": 1, "val": 2, "train": 3}
_OPEN = 4
_TRAIN_ONLY = 5


def _official_sides(videos: pd.DataFrame) -> dict[str, frozenset[str]]:
    """Return the official sides; a source without a val side takes val from its train side."""
    stated = videos[videos["official"].isin(SIDES)]
    if stated.empty:
        raise SplitError(
            "split.follow_official is true, but no video has an official side (column official of "
            f"{places.VIDEOS}); set it to false, or use a source whose labels state sides"
        )
    has_val = set(stated.loc[stated["official"] == "val", "source"])
    columns = (stated[name].tolist() for name in ("video", "source", "official"))
    return {
        video: frozenset(["train", "val"] if side == "train" and source not in has_val else [side])
        for video, source, side in zip(*columns, strict=True)
    }


def _refuse_other_than_official(
    remembered: Mapping[str, str], official: Mapping[str, frozenset[str]]
) -> None:
    torn = [
        video for video in sorted(official) if remembered.get(video) not in {None, *official[video]}
    ]
    if torn:
        first = torn[0]
        raise SplitError(
            f"{places.ASSIGNMENTS} has {len(torn)} video(s) on another side than the authors of "
            f"their data set, for example {first}: {remembered[first]} instead of "
            f"{' or '.join(sorted(official[first]))}. Remove those rows to follow the authors, or "
            "set split.follow_official to false"
        )


def accept(
    splits: Path = places.SPLITS,
    catalog: Path = places.CATALOG,
    assignments: Path = places.ASSIGNMENTS,
) -> int:
    """Append to the memory what it lacks of a finished split; old rows keep their bytes.

    Args:
        splits: a row a clip; uses video and split.
        catalog: uses video and sha256.
        assignments: the memory.

    Returns:
        how many rows were appended.

    Raises:
        SplitError: there is no split, or it was made of another catalog or another memory.
    """
    if not splits.exists() or not catalog.exists():
        raise SplitError(f"there is no {splits} to accept; run `dvc repro split` first")
    memory = read_assignments(assignments)
    videos = CATALOG.at(catalog).read()
    rows = _placed(SPLITS.at(splits).read(), videos)
    known = remembered_sides(videos, memory)
    places = zip(rows["video"], rows["split"], strict=True)
    moved = [video for video, side in places if known.get(video, side) != side]
    if rows["sha256"].isna().any() or moved:
        raise SplitError(
            f"{splits} does not belong to {catalog} and {assignments} as they are now; run "
            "`dvc repro split` first"
        )
    old = set(zip(memory["video"], memory["sha256"], strict=True))
    keep = [pair not in old for pair in zip(rows["video"], rows["sha256"], strict=True)]
    new = rows.loc[keep, ASSIGNMENTS.names]
    if not new.empty:
        text = assignments.read_text(encoding="utf-8")
        ending = "" if text.endswith("\n") else "\n"
        added = new.to_csv(index=False, header=False, lineterminator="\n")
        with whole_file(assignments) as temporary:
            temporary.write_text(text + ending + added, encoding="utf-8")
    return len(new)


def _placed(splits: pd.DataFrame, videos: pd.DataFrame) -> pd.DataFrame:
    placed = splits.drop_duplicates("video")[["video", "split"]].sort_values("video")
    return placed.merge(videos[["video", "sha256"]], on="video", how="left")
