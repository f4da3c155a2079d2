"""Videos as label readers are given them, with a picture at even intervals."""

from aislewatch.frames.timing import PictureTimes
from aislewatch.labels.protocol import Video


def even_video(label: str, duration_s: float, fps: float) -> Video:
    """Make a video of this length with ``fps`` pictures a second."""
    return Video(label, PictureTimes.even(duration_s, fps))
