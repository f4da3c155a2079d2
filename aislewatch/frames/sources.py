"""Says where the frames of a clip lie: in its video's file, or in one file a person seen in it."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

# The track of a clip that shows the whole picture, or of a window in which there is nobody.
NO_TRACK = -1


@dataclass(frozen=True)
class ClipSource:
    """Where networks read from.

    Args:
        folder: of the files.
        tracked: the table of that name, where each person of a video has a file; None: each video.
    """

    folder: Path
    tracked: pd.DataFrame | None = None

    def views_of(self, clips: pd.DataFrame, span: int) -> pd.DataFrame:
        """List what there is to see of each clip: the whole picture, or each person in it.

        A person counts who is followed from the clip's first frame to its last.

        Args:
            clips: video, frames_file, start (frame of the video in the store), and other columns.
            span: store frames from a clip's first to its last, both included.

        Returns:
            A row a view, in the clips' order: their columns, ``frames_file`` and ``start`` as the
            view's own file counts; ``row`` (the clip's place, from 0), ``track`` and
            ``prominence`` (which of several people is the main one: the largest).
        """
        placed = clips.reset_index(drop=True).assign(row=range(len(clips)))
        if self.tracked is None:
            return placed.assign(track=NO_TRACK, prominence=0.0)
        people = self.tracked.rename(columns={"n_frames": "_length"})
        people = people[["video", "track", "file", "first", "_length", "prominence"]]
        seen = placed.merge(people, on="video")
        from_there = seen["start"] - seen["first"]
        inside = (from_there >= 0) & (from_there + span <= seen["_length"])
        seen = seen.assign(frames_file=seen["file"], start=from_there)[inside]
        seen = seen.sort_values(["row", "track"], ignore_index=True)
        return seen.drop(columns=["file", "first", "_length"])
