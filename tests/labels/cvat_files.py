"""Writes and reads CVAT's XML as its tests do."""

from pathlib import Path

from aislewatch.labels.cvat import read_labels
from aislewatch.labels.protocol import Labels
from tests.even_videos import even_video

DATA = Path(__file__).parents[1] / "data" / "cvat"


VIDEOS = {
    "shop/till/a.mp4": even_video("unlabeled", 10.0, 10.0),
    "shop/till/b.mp4": even_video("unlabeled", 20.0, 25.0),
    "shop/tracked.mp4": even_video("unlabeled", 4.0, 10.0),
    "shop/tagged.mp4": even_video("unlabeled", 4.0, 10.0),
    "shop/t.mp4": even_video("unlabeled", 2.2, 10.0),
}


def read(tmp_path: Path, *contents: str | bytes) -> Labels:
    folder = tmp_path / "shop" / "labels"
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, content in enumerate(contents):
        files.append(folder / f"{number}.xml")
        files[-1].write_bytes(content if isinstance(content, bytes) else content.encode())
    labels = read_labels(tmp_path, "shop", VIDEOS)
    assert {problem.file for problem in labels.problems} <= {file.as_posix() for file in files}
    assert {row.file for row in labels.rows} <= {file.as_posix() for file in files}
    return labels


def task(
    name: str = "a.mp4", number: int = 1, size: int = 100, labels: str = "shoplifting", **more: str
) -> str:
    fields = {"id": number, "name": name, "size": size, **more}
    written = "".join(f"<{key}>{value}</{key}>" for key, value in fields.items())
    return f"<task>{written}<labels><label><name>{labels}</name></label></labels></task>"


def document(meta: str, *body: str) -> str:
    lines = "\n".join(body)
    return f"<annotations>\n<version>1.1</version>\n<meta>{meta}</meta>\n{lines}\n</annotations>"


def spans(labels: Labels) -> list[tuple[str, float, float, str]]:
    return [
        (row.video, round(row.start_s, 6), round(row.end_s, 6), row.label) for row in labels.rows
    ]
