"""Writes and reads Label Studio's JSON as its tests do."""

import json
from pathlib import Path
from typing import Any

from aislewatch.labels.label_studio import read_labels
from aislewatch.labels.protocol import Labels
from tests.even_videos import even_video

EXPORT = Path(__file__).parents[1] / "data" / "label_studio" / "export.json"


VIDEOS = {
    "shop/till (1).mp4": even_video("unlabeled", 4.0, 30.0),
    "shop/box (1).mp4": even_video("unlabeled", 3.99, 30.0),
    "shop/whole.mp4": even_video("unlabeled", 4.0, 30.0),
    "shop/quiet.mp4": even_video("unlabeled", 4.0, 30.0),
    "shop/disputed.mp4": even_video("unlabeled", 4.0, 30.0),
    "shop/waiting.mp4": even_video("unlabeled", 4.0, 30.0),
    "shop/till/a.mp4": even_video("unlabeled", 10.0, 10.0),
    "shop/door/b.mp4": even_video("unlabeled", 10.0, 10.0),
}


def read(tmp_path: Path, *contents: object) -> Labels:
    folder = tmp_path / "shop"
    folder.mkdir(exist_ok=True)
    files = []
    for number, content in enumerate(contents):
        files.append(folder / f"{number}.json")
        written = content if isinstance(content, bytes) else json.dumps(content).encode()
        files[-1].write_bytes(written)
    labels = read_labels(tmp_path, "shop", VIDEOS)
    assert {problem.file for problem in labels.problems} <= {file.as_posix() for file in files}
    for problem in labels.problems:
        str(problem).encode()
    return labels


def task(*annotations: Any, video: object = "a.mp4", **data: object) -> dict[str, Any]:
    """A task with one annotation a list of results, or an annotation as given."""
    made = [
        {"id": 50 + number, "completed_by": number, "result": said}
        if isinstance(said, list)
        else said
        for number, said in enumerate(annotations, start=1)
    ]
    return {"id": 7, "data": {"video": video, "fps": 10, **data}, "annotations": made}


def region(kind: str, **value: object) -> dict[str, Any]:
    return {"id": "r", "from_name": "x", "to_name": "video", "type": kind, "value": value}


def timeline(label: str, *ranges: tuple[object, object]) -> dict[str, Any]:
    written = [{"start": start, "end": end} for start, end in ranges]
    return region("timelinelabels", ranges=written, timelinelabels=[label])
