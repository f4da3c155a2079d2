"""Draws the page of copies under opposing labels: both side by side, aligned in time.

One HTML file with everything in it. It is no hashed output: pictures are for looking at.
"""

import base64
from pathlib import Path

import numpy as np
import pandas as pd

from aislewatch.config.data import Choice, Frames
from aislewatch.files import whole_file
from aislewatch.frames.stills import jpeg
from aislewatch.frames.stretches import FrameTimes, frame_times
from aislewatch.pages import templates

# Frames shown of each video: in 1 to 3 s of shared footage a hand is seen to take and to hide.
SHOWN_FRAMES = 6
# Stretches shown, about 60 kB each; validation.csv lists them all.
MOST_SHOWN = 200


def write_page(
    path: Path,
    found: pd.DataFrame,
    choice: Choice,
    catalog: pd.DataFrame,
    frames_dir: Path,
    frames: Frames,
) -> None:
    """Write the page, also where nothing is found.

    Args:
        path: the HTML file; its folder is made.
        found: as ``contradictions.contradictions`` returned them.
        choice: what becomes of them.
        catalog: uses video, frames_file, n_frames, stretches, store_fps.
        frames_dir: the frame store.
        frames: its format.

    Raises:
        FootageError: frames of a video are missing.
    """
    files = dict(zip(catalog["video"], catalog["frames_file"], strict=True))
    times = frame_times(catalog)
    shown = [
        [
            {
                "video": row[end],
                "label": row[f"label_{end}"],
                "start_s": row[f"start_{end}_s"],
                "end_s": row[f"end_{end}_s"],
                "frames": _strip(
                    (row[f"start_{end}_s"], row[f"end_{end}_s"]),
                    (frames_dir, files[row[end]]),
                    times[row[end]],
                    frames.size,
                ),
            }
            for end in ("a", "b")
        ]
        for row in found.head(MOST_SHOWN).to_dict("records")
    ]
    page = (
        templates("aislewatch.validate")
        .get_template("contradictions.html.j2")
        .render(stretches=shown, total=len(found), choice=choice)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _strip(
    bounds_s: tuple[float, float], file: tuple[Path, str], times: FrameTimes, size: int
) -> list[dict[str, str]]:
    """Draw frames from a stretch's beginning to its end, each with its time."""
    strip = []
    for at_s in np.linspace(*bounds_s, SHOWN_FRAMES).tolist():
        data = base64.b64encode(jpeg(*file, times.frame_at(at_s), size)).decode()
        strip.append({"time": f"{at_s:.1f} s", "source": f"data:image/jpeg;base64,{data}"})
    return strip
