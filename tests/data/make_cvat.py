"""Writes the CVAT files of tests/data/cvat with datumaro, the library that CVAT itself uses.

Run with ``pip install datumaro==1.13.12`` in an environment of its own, since it pins an older
pandas and pyarrow than the project: ``python tests/data/make_cvat.py``. Only its files are kept.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from datumaro.components.annotation import Bbox, Label
from datumaro.components.dataset import Dataset
from datumaro.components.dataset_base import DatasetItem
from datumaro.components.media import Image

HERE = Path(__file__).parent / "cvat"
PERSON, SHOPLIFTING = range(2)
FRAMES = 40


def box(label: int, track: int, outside: bool = False) -> Bbox:
    attributes = {"track_id": track, "outside": outside, "occluded": False, "keyframe": outside}
    return Bbox(2, 2, 8, 8, label=label, attributes=attributes)


def tracks(frame: int) -> list[Bbox]:
    """A person all along; who shoplifts in frames 5 to 11 and 20 to 29, unseen in between."""
    boxes = [box(PERSON, 0)]
    if 5 <= frame < 30:
        boxes.append(box(SHOPLIFTING, 1, outside=12 <= frame < 20))
    if frame == 30:
        boxes.append(box(SHOPLIFTING, 1, outside=True))
    return boxes


def tags(frame: int) -> list[Label]:
    return [Label(SHOPLIFTING)] if 10 <= frame < 15 else []


def write(name: str, annotate: Callable[[int], Sequence[Bbox | Label]], use_track: bool) -> None:
    picture = np.zeros((12, 16, 3), dtype=np.uint8)
    items = [
        DatasetItem(
            f"frame_{frame:06d}",
            subset=name,
            media=Image.from_numpy(data=picture),
            annotations=annotate(frame),
            attributes={"frame": frame},
        )
        for frame in range(FRAMES)
    ]
    dataset = Dataset.from_iterable(items, categories=["person", "shoplifting"], media_type=Image)
    with tempfile.TemporaryDirectory() as folder:
        dataset.export(folder, "cvat", use_track=use_track, save_media=False)
        (HERE / f"{name}.xml").write_bytes((Path(folder) / f"{name}.xml").read_bytes())


if __name__ == "__main__":
    write("tracked", tracks, use_track=True)
    write("tagged", tags, use_track=False)
