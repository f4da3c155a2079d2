"""A folder of people's features, small enough to train on in seconds; a channel tells the label."""

from pathlib import Path

import numpy as np
import pandas as pd

from aislewatch.files import write_json
from aislewatch.tables import places
from tests.tiny_clips import N_FRAMES

CHANNELS, SQUARE, PLACES = 4, 32, 64
REGIONS = ["person", "upper"]
TRACK = {"begin_score": 0.35, "go_on_score": 0.15, "gap": 8}
FORM = {"detector": "0" * 64, "square": SQUARE, "every": 2, "channels": CHANNELS, "track": TRACK}
FORM["regions"] = REGIONS


def write_people(folder: Path) -> None:
    """Write people and splits of data/dataset under ``folder``, as stages track and split do.

    Every video has a window in which two people are seen, and one in which nobody is. In videos of
    label 1 the main person (track 0) does it, by the upper body, and track 1 looks like one of
    label 0.
    """
    random = np.random.default_rng(0)
    for place in (places.SQUARES, places.FEATURES):
        (folder / place).mkdir(parents=True)
    write_json(folder / places.PEOPLE_FORM, FORM)
    tracked, splits = [], []
    for number in range(24):
        video, label = f"v{number:02d}", number % 2
        side = ("train", "train", "val", "test")[number // 2 % 4]
        for track in (0, 1):
            steals, file = label == 1 and track == 0, f"{video}-{track}"
            # As filmed, then mirrored.
            shape = N_FRAMES, 2, len(REGIONS), CHANNELS, PLACES
            bytes_T2RCP = random.integers(90, 110, shape, np.uint8)
            bytes_T2RCP[:, :, 1, 2] += 60 * np.uint8(steals)
            bytes_T2RCP.tofile(folder / places.FEATURES / file)
            rows = len(REGIONS) * SQUARE * 3 // 2
            squares = random.integers(0, 255, (N_FRAMES, rows, SQUARE), np.uint8)
            squares.tofile(folder / places.SQUARES / file)
            tracked.append((video, track, file, 3, N_FRAMES, 2.0 - track))
        for start in (3, 100):
            splits.append((video, f"{video}.yuv", start, label, 0.0, video, side))
    columns = ["video", "track", "file", "first", "n_frames", "prominence"]
    pd.DataFrame(tracked, columns=columns).to_parquet(folder / places.TRACKED, index=False)
    columns = ["video", "frames_file", "start", "label", "overlap", "group", "split"]
    pd.DataFrame(splits, columns=columns).to_parquet(folder / places.SPLITS, index=False)
