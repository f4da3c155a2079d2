"""Videos as label readers are given them, with a picture at even intervals."""

import pandas as pd

from aislewatch.frames.timing import PictureTimes
from aislewatch.labels.protocol import Video


def even_video(label: str, duration_s: float, fps: float) -> Video:
    """Make a video of this length with ``fps`` pictures a second."""
    return Video(label, PictureTimes.even(duration_s, fps))


def even_videos(catalog: pd.DataFrame) -> dict[str, Video]:
    """Make the videos of a catalog, of which video, label, end_s and fps are used."""
    columns = (catalog[name].tolist() for name in ("video", "label", "end_s", "fps"))
    return {video: even_video(*facts) for video, *facts in zip(*columns, strict=True)}
