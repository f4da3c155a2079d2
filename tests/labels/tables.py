"""Reads a table of labels as the tests of tables do."""

from pathlib import Path

from aislewatch.labels.protocol import Labels
from aislewatch.labels.table import read_labels
from tests.even_videos import even_video

VIDEOS = {
    "shop/till/a.mp4": even_video("unlabeled", 10.0, 10.0),
    "shop/till/b.mp4": even_video("unlabeled", 20.0, 25.0),
}


def read(tmp_path: Path, content: str | bytes, name: str = "labels.csv") -> Labels:
    folder = tmp_path / "shop"
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    labels = read_labels(tmp_path, "shop", VIDEOS)
    assert {problem.file for problem in labels.problems} <= {file.as_posix()}
    file.unlink()
    return labels


def spans(labels: Labels) -> list[tuple[str, float, float, str]]:
    return [(row.video, row.start_s, row.end_s, row.label) for row in labels.rows]
