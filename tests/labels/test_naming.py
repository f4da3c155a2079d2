"""Which video a label file means, which times, and that nothing outside the source is opened."""

import math
import os
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislewatch.frames.spans import Span, gaps, join
from aislewatch.frames.timing import PictureTimes
from aislewatch.labels import classes, columns, cvat, label_studio, table, time_columns, times
from aislewatch.labels.naming import VideoNames
from aislewatch.labels.problems import Problem
from aislewatch.labels.protocol import ReadLabels
from aislewatch.labels.reading import list_files, read_file
from tests.even_videos import even_video

VIDEOS = ["till/a.mp4", "door/a.mp4", "door/b.mp4", "c.mp4", "c.avi", "till/c.avi"]
VIDEOS += ["till/Odd näme (1).mp4"]
GUIDE = Path(__file__).parents[2] / "docs" / "data.md"
MODULES = (table, cvat, label_studio)
READERS = {"labels.csv": table, "a.xml": cvat, "a.json": label_studio}


def find(tmp_path: Path, *written: str) -> str | Problem:
    names = VideoNames(tmp_path, "shop", [f"shop/{video}" for video in VIDEOS])
    return names.find("labels.csv", 7, *written)


@pytest.mark.parametrize(
    ("written", "video"),
    [
        ("till/a.mp4", "till/a.mp4"),
        ("./till/a.mp4", "till/a.mp4"),
        ("till\\a.mp4", "till/a.mp4"),
        (" till/a ", "till/a.mp4"),
        ("shop/till/a.mp4", "till/a.mp4"),
        ("/home/eve/footage/shop/till/a.mp4", "till/a.mp4"),
        ("b.mp4", "door/b.mp4"),
        ("b", "door/b.mp4"),
        ("c.avi", "c.avi"),
        ("Odd na\u0308me (1).mp4", "till/Odd näme (1).mp4"),
    ],
)
def test_names_that_mean_one_video(tmp_path: Path, written: str, video: str) -> None:
    assert find(tmp_path, written) == f"shop/{video}"


@pytest.mark.parametrize(
    ("written", "rule", "says"),
    [
        ("a.mp4", "one_video", "one of door/a.mp4, till/a.mp4"),
        ("c", "one_video", "one of c.avi, c.mp4, till/c.avi"),
        ("B.MP4", "known_video", "did you mean door/b.mp4?"),
        ("b.mkv", "known_video", "did you mean door/b.mp4?"),
        ("till/b.mp4", "known_video", "did you mean door/b.mp4?"),
        ("elsewhere/c.mp4", "known_video", "did you mean c.avi?"),
        ("../shop/till/z.mp4", "known_video", "add the file or remove the row"),
        ("", "known_video", "no video is named"),
        ("\ud800.mp4", "known_video", "there is no video"),
    ],
)
def test_names_that_mean_none_or_several(
    tmp_path: Path, written: str, rule: str, says: str
) -> None:
    problem = find(tmp_path, written)
    assert isinstance(problem, Problem)
    assert (problem.file, problem.row, problem.level) == ("labels.csv", 7, "error")
    assert problem.rule == rule
    assert says in str(problem)
    str(problem).encode()


def test_a_refused_video_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "shop" / "till").mkdir(parents=True)
    (tmp_path / "shop" / "till" / "broken.mp4").write_bytes(b"")
    problem = find(tmp_path, "broken")
    assert isinstance(problem, Problem)
    assert (problem.video, problem.level) == ("shop/till/broken.mp4", "warning")


def test_of_several_spellings_the_first_that_means_a_video_decides(tmp_path: Path) -> None:
    assert find(tmp_path, "nothing.mp4", "b.mp4", "c.avi") == "shop/door/b.mp4"


@given(st.lists(st.text("ab./é", min_size=1, max_size=8), min_size=1, unique=True), st.text())
def test_any_name_is_a_video_or_a_problem(present: list[str], written: str) -> None:
    videos = {f"shop/{name}" for name in present}
    found = VideoNames(Path("nowhere"), "shop", videos).find("f", 1, written)
    assert isinstance(found, Problem) or found in videos


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00:01:12", 72),
        ("1:02:03.25", 3723.25),
        ("01:12", 72),
        ("1:2", 62),
        ("100:00:00,5", 360000.5),
    ],
)
def test_clock(text: str, seconds: float) -> None:
    assert times.read_clock(text) == seconds


@pytest.mark.parametrize("text", ["", "12.5", "00:60:00", "00:00:60", "-00:00:01", "a:b:c"])
def test_no_clock(text: str) -> None:
    with pytest.raises(ValueError, match="hh:mm:ss"):
        times.read_clock(text)


@given(st.integers(0, 1 << 31), st.floats(1, 240))
def test_one_frame_lasts_one_frame(number: int, fps: float) -> None:
    pictures = PictureTimes.even(9 / fps, fps)
    start = times.to_seconds(str(number), "frames", pictures, is_end=False)
    end = times.to_seconds(f"{number}.0", "frames", pictures, is_end=True)
    assert end - start == pytest.approx(1 / fps, rel=1e-3)


@given(st.text(max_size=12) | st.from_regex(r"[-+0-9:.,e]{1,9}", fullmatch=True))
def test_any_text_is_a_finite_time_or_refused_with_advice(text: str) -> None:
    pictures = PictureTimes.even(9.0, 25.0)
    for unit in ("seconds", "clock", "frames"):
        try:
            seconds, advice = times.to_seconds(text, unit, pictures, is_end=False), ""
        except ValueError as error:
            seconds, advice = math.inf, str(error)
        assert math.isfinite(seconds) or advice.startswith("write ")


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20))))
def test_joined_spans_and_their_gaps_tile_the_video(starts: list[tuple[int, int]]) -> None:
    spans = [Span(float(start), float(start + length)) for start, length in starts]
    joined = join(spans)
    assert all(a.end_s < b.start_s for a, b in pairwise(joined))
    inside = {t for span in spans for t in range(int(span.start_s), int(span.end_s))}
    left = {t for gap in gaps(spans, 80.0, 0.0) for t in range(int(gap.start_s), int(gap.end_s))}
    assert inside | left == set(range(80))
    assert not inside & left


def test_links_and_pipes_are_refused_and_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("video,label\n")
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "link.csv").symlink_to(tmp_path / "secret")
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere")
    for name, says in (("pipe", "no regular file"), ("link", "is a link"), ("gone", "is a link")):
        problem = read_file(tmp_path / f"{name}.csv")
        assert isinstance(problem, Problem)
        assert says in str(problem)


def test_hidden_files_and_linked_folders_are_not_listed(tmp_path: Path) -> None:
    for folder in ("shop/sub", "shop/.hidden", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.XML").touch()
    (tmp_path / "shop" / ".b.xml").touch()
    (tmp_path / "shop" / "linked").symlink_to(tmp_path / "elsewhere")
    assert list_files(tmp_path, "shop", ".xml") == [tmp_path / "shop" / "sub" / "a.XML"]


_watched: list[str] | None = None


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    # A number is a file that was opened before.
    if event == "open" and _watched is not None and not isinstance(arguments[0], int):
        _watched.append(str(arguments[0]))


sys.addaudithook(_watch)

HOSTILE = {
    "labels.csv": "video,label,start_s,end_s\n../../etc/passwd,1,0,1\n/etc/passwd,1,0,1\na,1,0,1\n",
    "a.xml": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotations>&x;</annotations>',
    "a.json": '[{"id":1,"data":{"video":"file:///etc/passwd"},"annotations":[]}]',
}


@pytest.mark.parametrize("name", READERS)
def test_no_reader_opens_anything_but_the_label_files(tmp_path: Path, name: str) -> None:
    global _watched
    (tmp_path / "shop").mkdir()
    file = tmp_path / "shop" / name
    file.write_text(HOSTILE[name])
    read: ReadLabels = READERS[name].read_labels
    videos = {"shop/a.mp4": even_video("unlabeled", 9.0, 10.0)}
    read(tmp_path, "shop", videos)  # imports happen here
    _watched = []
    labels = read(tmp_path, "shop", videos)
    opened, _watched = _watched, None
    assert opened == [str(file)]
    assert labels.problems
    assert not any("root:" in str(problem) for problem in labels.problems)


@pytest.mark.parametrize("name", READERS)
def test_a_source_without_labels_says_what_to_put_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "shop").mkdir()
    labels = READERS[name].read_labels(tmp_path, "shop", {})
    assert len(labels.problems) == 1
    assert "shop/" in labels.problems[0].remedy


def _fenced(heading: str) -> list[str]:
    """The code blocks of a section of docs/data.md."""
    section = GUIDE.read_text().split(f"\n### {heading}")[1].split("\n#")[0]
    return [block.split("\n", 1)[1] for block in section.split("```")[1::2]]


@pytest.mark.parametrize(
    ("layout", "file", "videos", "events"),
    [
        ("table", "labels.csv", ("till/tuesday-1412.mp4", "till/tuesday-1530.mp4"), [12.5, 62.0]),
        ("cvat", "labels/monday.xml", ("monday.mp4",), [12.4]),
        ("label_studio", "project-3.json", ("cam2/monday.mp4",), [12.36]),
    ],
)
def test_the_examples_of_the_guide_are_read_as_it_says(
    tmp_path: Path, layout: str, file: str, videos: tuple[str, ...], events: list[float]
) -> None:
    tree, example = _fenced(f"`{layout}`")[:2]
    assert Path(file).name in tree
    path = tmp_path / "shop" / file
    path.parent.mkdir(parents=True)
    path.write_text(example)
    readers: dict[str, ReadLabels] = {m.__name__.split(".")[-1]: m.read_labels for m in MODULES}
    facts = {f"shop/{video}": even_video("unlabeled", 160.0, 25.0) for video in videos}
    labels = readers[layout](tmp_path, "shop", facts)
    assert labels.problems == []
    assert [row.start_s for row in labels.rows] == pytest.approx(events)


def test_the_guide_lists_every_word_and_column() -> None:
    guide = GUIDE.read_text()
    names = [*columns.VIDEO, *columns.LABEL, *columns.SPLIT]
    names += [*time_columns.BOUNDS, *time_columns.UNITS]
    for word in [*classes.LABELS, *names, *table.SIDES]:
        assert f"`{word}`" in guide, word
