"""Learned in one room, judged in the other: nobody is scored where he was learned from."""

from pathlib import Path

import numpy as np
import pandas as pd

from research.footage import Folded
from research.report import scored_table
from research.rooms import ROOMS, jobs, rooms

VIDEOS = [
    *("cctv/normal/a.mp4", "cctv/shoplifting/b.mp4", "cctv/normal/empty.mp4"),
    *("mnnit/normal/Normal_1.mp4", "mnnit/shoplifting/Theft_1.mp4", "mnnit/normal/Both.mp4"),
]
CATALOG = pd.DataFrame({"video": [*VIDEOS, "cctv/normal/short.mp4"], "n_frames": [30] * 6 + [20]})
TRACKED = pd.DataFrame(
    {
        "video": [video for video in VIDEOS if "empty" not in video],
        "file": [f"{number}.features" for number in range(5)],
        "n_frames": 29,
        "prominence": 1.0,
    }
)
FOLDS = pd.DataFrame(
    {
        "path": [video for video in VIDEOS if video.startswith("mnnit")],
        "recording": ["first", "second", "second"],
        "contradicted": [0, 0, 1],
    }
)


def test_a_network_learns_in_one_room_and_is_scored_on_all_of_the_other() -> None:
    data = Folded(rooms(CATALOG, TRACKED, FOLDS), Path())
    of_row = np.array(VIDEOS)
    for job in jobs(data):
        learned, judged = (
            {of_row[row].split("/")[0] for row in rows} for rows in (job.train, job.test)
        )
        assert len(learned) == len(judged) == 1
        assert learned | judged == set(ROOMS)
        assert job.name.startswith(next(iter(learned)))
        assert not {"cctv/normal/empty.mp4", "mnnit/normal/Both.mp4"} & set(of_row[job.train])
        assert len(job.test) == 3, "a clip without anybody, or that contradicts another, is judged"


def test_labels_are_the_folders_and_recordings_the_committed_ones() -> None:
    data = Folded(rooms(CATALOG, TRACKED, FOLDS), Path())
    assert data.videos["label"].tolist() == [0, 1, 0, 0, 1, 0]
    there = next(job for job in jobs(data) if job.name.startswith("cctv"))
    table = scored_table(data.videos.iloc[there.test], np.array([0.0, 2.0, -30.0]))
    assert table["group"].tolist() == ["first", "second", "second"]
    assert table["label"].tolist() == [0, 1, 0]
    assert table["score"].round(2).tolist() == [0.5, 0.88, 0.0]
