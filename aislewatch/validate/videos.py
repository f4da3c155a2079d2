"""Gathers what is known of each video beside its labels: by these columns ``split`` groups."""

from collections.abc import Mapping

import pandas as pd

from aislewatch.labels.protocol import Labels
from aislewatch.tables.validate import VIDEOS


def video_table(
    catalog: pd.DataFrame, labels: Mapping[str, Labels], scenes: Mapping[str, str]
) -> pd.DataFrame:
    """Return a row per accepted video; unknown values are empty, never missing.

    Args:
        catalog: ingest's table; uses video, source, camera.
        labels: of every source.
        scenes: for every video one with the same background, as ``scenes.find_scenes`` gives it.

    Returns:
        The columns of ``VIDEOS``, then the videos' further attributes by name; all str, sorted by
        video. ``camera`` is that of the folders unless a label file names another; ``recording``
        is empty where none is named (``split.recording_suffix`` finds it in the file's name);
        ``official`` is train, val or test.
    """
    attributes = {
        video: facts for own in labels.values() for video, facts in own.attributes.items()
    }
    official = {video: side for own in labels.values() for video, side in own.official.items()}
    further = sorted({name for facts in attributes.values() for name in facts} - set(VIDEOS.names))
    rows = []
    columns = (catalog[name].tolist() for name in ("video", "source", "camera"))
    for video, source, camera in zip(*columns, strict=True):
        known = attributes.get(video, {})
        rows.append(
            {
                "video": video,
                "source": source,
                "camera": known.get("camera") or camera,
                "recording": known.get("recording", ""),
                "official": official.get(video, ""),
                "scene": scenes.get(video, ""),
                **{name: known.get(name, "") for name in further},
            }
        )
    table = pd.DataFrame(rows, columns=[*VIDEOS.names, *further]).astype("str")
    return table.sort_values("video", ignore_index=True)
