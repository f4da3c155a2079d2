"""What of the videos' properties becomes slices."""

from pathlib import Path

import numpy as np
import pandas as pd

from aislewatch.evaluate.slices import MOST_SLICES, slice_figures, video_properties
from aislewatch.tables.validate import VIDEOS
from tests.simulated_scores import RULE, SETTINGS, simulated, whole_videos

NAMES = [f"shop/{n}.mp4" for n in range(4)]


def properties(tmp_path: Path, **columns: list[str]) -> pd.DataFrame:
    """Of four videos, the first two of them dark."""
    for number, luma in enumerate((20, 20, 120, 120)):
        np.full((4, 48, 32), luma, np.uint8).tofile(tmp_path / f"{number}.yuv")
    catalog = pd.DataFrame(
        {
            "video": NAMES,
            "camera": "of the folders",
            "frames_file": [f"{n}.yuv" for n in range(4)],
            "n_frames": 4,
            "height": [240, 480, 240, 480],
        }
    )
    known = dict.fromkeys(VIDEOS.names, "") | {"video": [*NAMES, "shop/other.mp4"]}
    known |= {"source": "shop", "camera": ["door", "door", "till", "till", "x"]}
    known |= {name: [*values, ""] for name, values in columns.items()}
    return video_properties(catalog, pd.DataFrame(known), tmp_path, 32)


def test_cameras_are_those_that_labels_name(tmp_path: Path) -> None:
    found = properties(tmp_path)
    assert list(found) == ["source", "camera", "lighting", "resolution"]
    assert found.index.tolist() == NAMES
    assert found["camera"].tolist() == ["door", "door", "till", "till"]
    assert found["lighting"].tolist() == ["dark", "dark", "lit", "lit"]


def test_any_column_of_videos_csv_is_a_property(tmp_path: Path) -> None:
    found = properties(
        tmp_path,
        store=["Ghent", "Bruges", "Ghent", ""],
        ticket=["1", "2", "3", "4"],
        lighting=["dusk", "", "", "dusk"],
        note=["", "", "", ""],
    )
    assert set(found) == {"source", "camera", "lighting", "resolution", "store"}
    assert found["store"].tolist() == ["Ghent", "Bruges", "Ghent", ""]
    assert found["lighting"].tolist() == ["dusk", "dark", "lit", "dusk"]


def test_unknown_values_make_no_slice_and_many_are_cut() -> None:
    test = simulated(30, 4, np.random.default_rng(0))
    videos = whole_videos(test)
    names = sorted({video.video for video in videos})
    known = pd.DataFrame(
        {
            "same": "x",
            "some": ["y" if n < 5 else "" for n in range(len(names))],
            "many": [f"{min(n, MOST_SLICES + 1):02d}" for n in range(len(names))],
        },
        index=names,
    )
    found = slice_figures(test, videos, known, RULE, SETTINGS)
    assert [(part.name, part.videos) for part in found if part.by == "some"] == [("y", 5)]
    assert not [part for part in found if part.by == "same"]
    many = [part for part in found if part.by == "many"]
    assert len(many) == MOST_SLICES
    assert many[0].name == f"{MOST_SLICES + 1}"
