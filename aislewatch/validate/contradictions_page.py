"""Copies under opposing labels as a page for people: both side by side, aligned in time.

One HTML file with everything in it. It is no hashed output: pictures are for looking at.
"""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aislewatch.config.data import Choice, Frames
from aislewatch.files import whole_file
from aislewatch.frames.stills import jpeg
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
        catalog: uses video, frames_file, n_frames.
        frames_dir: the frame store.
        frames: its format.

    Raises:
        FootageError: frames of a video are missing.
    """
    files = catalog.set_index("video")[["frames_file", "n_frames"]]
    shown = [
        [
            {
                "video": row[end],
                "label": row[f"label_{end}"],
                "start_s": row[f"start_{end}_s"],
                "end_s": row[f"end_{end}_s"],
                "frames": _strip(row, end, files, frames_dir, frames),
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
    row: dict[Any, Any], end: str, files: pd.DataFrame, frames_dir: Path, frames: Frames
) -> list[dict[str, str]]:
    """Frames from a stretch's beginning to its end, each with its time."""
    video = row[end]
    frames_file, n_frames = files.loc[video]
    times = np.linspace(row[f"start_{end}_s"], row[f"end_{end}_s"], SHOWN_FRAMES)
    strip = []
    for at_s in times.tolist():
        picture = jpeg(
            frames_dir, frames_file, min(round(at_s * frames.fps), n_frames - 1), frames.size
        )
        data = base64.b64encode(picture).decode()
        strip.append({"time": f"{at_s:.1f} s", "source": f"data:image/jpeg;base64,{data}"})
    return strip
