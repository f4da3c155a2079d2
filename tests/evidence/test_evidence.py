"""Evidence folders as they lie on disk: films that play, people that nobody can recognise."""

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aislewatch.alerts.clips import ScoredClip
from aislewatch.errors import FootageError
from aislewatch.evidence.alert import AlertModel, LiveAlert
from aislewatch.evidence.blur import blurred
from aislewatch.evidence.folder import AlertFilm, Picture, SeenPerson, write_evidence

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
FPS = 10
# The alert's second 1 to 3 of a film of 4 s.
ALERT = LiveAlert(
    camera="till 1/left",
    begin=NOON + timedelta(seconds=1),
    end=NOON + timedelta(seconds=3),
    raised=NOON + timedelta(seconds=3.1),
    captured=NOON + timedelta(seconds=3),
    score=0.91234567,
    threshold=0.8,
    box=(0.25, 0.25, 0.5, 0.75),
    track=4,
    model=AlertModel("aislewatch", "3", "ab" * 32),
    shadow=False,
    source="rtsp://till/stream",
    offset_s=None,
)
SCORES = (ScoredClip(1.0, 2.0, 0.85, 4), ScoredClip(1.5, 2.5, 0.91234567, 4))


def noisy(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """A picture of 4-pixel squares: detail that a person could be recognised by."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (height // 4 + 1, width // 4 + 1, 1), dtype=np.uint8)
    return small.repeat(4, 0).repeat(4, 1).repeat(3, 2)[:height, :width]


def film(people: tuple[SeenPerson, ...] = (), sizes: tuple[tuple[int, int], ...] = ()) -> AlertFilm:
    shown = sizes or ((128, 128),) * 4 * FPS
    pictures = [Picture(i / FPS, noisy(*size)) for i, size in enumerate(shown)]
    return AlertFilm(NOON, pictures, SCORES, people)


def shown(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def detail(rgb_HWC: NDArray[np.uint8]) -> float:
    """Mean step from one 4-pixel square to the next, of 255."""
    centers = rgb_HWC[2::4, 2::4, 0].astype(float)
    return float(np.abs(np.diff(centers, axis=1)).mean())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The evidence of an alert with a person, found until second 3."""
    people = tuple(SeenPerson(i / FPS, 4, (0.25, 0.25, 0.5, 0.75)) for i in range(30))
    return write_evidence(tmp_path_factory.mktemp("live"), ALERT, film(people))


def test_alert_json_says_what_was_agreed(folder: Path) -> None:
    said = json.loads((folder / "alert.json").read_text())
    assert folder.name == said["id"] == ALERT.id
    assert folder.parent.name == "evidence"
    assert said["id"].startswith("till_1_left-20261130T120001-")
    assert said | {"id": ""} == {
        "id": "",
        "camera": "till 1/left",
        "begin": "2026-11-30T12:00:01.000Z",
        "end": "2026-11-30T12:00:03.000Z",
        "raised": "2026-11-30T12:00:03.100Z",
        "captured": "2026-11-30T12:00:03.000Z",
        "score": 0.912346,
        "threshold": 0.8,
        "box": [0.25, 0.25, 0.5, 0.75],
        "track": 4,
        "model": {"name": "aislewatch", "version": "3", "sha256": "ab" * 32},
        "shadow": False,
        "source": "rtsp://till/stream",
        "offset_s": None,
        "operating": None,
    }


def test_the_manifest_proves_every_file(folder: Path) -> None:
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    digests = json.loads(files.pop("manifest.json"))
    assert digests == {n: hashlib.sha256(data).hexdigest() for n, data in files.items()}
    expected = ["alert.json", "clip.mp4", "original.mp4", "poster.jpg", "timeline.json"]
    assert sorted(files) == expected
    assert [path.name for path in folder.parent.iterdir()] == [folder.name], "nothing half made"


@pytest.mark.parametrize("name", ["clip.mp4", "original.mp4"])
def test_a_browser_plays_the_film_while_it_loads(folder: Path, name: str) -> None:
    data = (folder / name).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(folder / name)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        times = [frame.time for frame in container.decode(stream)]
    assert times == pytest.approx([i / FPS for i in range(4 * FPS)], abs=1e-4)


def test_the_timeline_says_where_in_the_film_the_alert_is(folder: Path) -> None:
    timeline = json.loads((folder / "timeline.json").read_text())
    assert timeline["film_begin"] == "2026-11-30T12:00:00.000Z"
    assert timeline["alert_s"] == [1.0, 3.0]
    assert [score["track"] for score in timeline["scores"]] == [4, 4]
    assert len(timeline["boxes"]) == 30


def test_people_are_squares_and_the_shop_around_them_is_not(folder: Path) -> None:
    hidden, seen = shown(folder / "clip.mp4")[20], shown(folder / "original.mp4")[20]
    person = np.s_[32:96, 32:64]
    assert detail(seen[person]) > 60
    assert detail(hidden[person]) < 0.4 * detail(seen[person])
    around = np.s_[:, 80:]
    assert detail(hidden[around]) > 0.9 * detail(seen[around])


def test_where_nobody_was_found_the_whole_picture_is_hidden(folder: Path) -> None:
    """The person is lost 1 s before the end: the box is held for 0.8 s, then all is hidden."""
    pictures = shown(folder / "clip.mp4")
    lost = pictures[29 + 9]
    assert detail(pictures[29 + 7][:, 80:]) > 2 * detail(lost[:, 80:])
    assert detail(lost) < 0.4 * detail(shown(folder / "original.mp4")[38])


def test_without_tracks_everything_and_the_poster_are_hidden(tmp_path: Path) -> None:
    folder = write_evidence(tmp_path, replace(ALERT, track=None, box=None), film())
    for hidden, seen in zip(
        shown(folder / "clip.mp4"), shown(folder / "original.mp4"), strict=True
    ):
        assert detail(hidden) < 0.4 * detail(seen)
    with Image.open(folder / "poster.jpg") as poster:
        assert detail(np.asarray(poster.convert("RGB"))) < 0.4 * 60


@pytest.mark.parametrize(
    "of", [lambda height, width: noisy(height, width), lambda *_: noisy(1, 1)], ids=["some", "dot"]
)
def test_boxes_beyond_the_picture_are_no_fault(
    of: Callable[[int, int], NDArray[np.uint8]],
) -> None:
    picture_HWC = of(50, 70)
    for box in ((-0.2, -0.2, 1.2, 1.2), (0.99, 0.99, 1.0, 1.0), (0.5, 0.5, 0.5, 0.5)):
        assert blurred(picture_HWC, [box]).shape == picture_HWC.shape


def test_a_camera_that_changes_its_resolution_or_sends_odd_sizes_leaves_one_film(
    tmp_path: Path,
) -> None:
    folder = write_evidence(tmp_path, ALERT, film(sizes=((97, 129), (97, 129), (48, 64))))
    assert [picture.shape for picture in shown(folder / "original.mp4")] == [(96, 128, 3)] * 3


def test_an_alert_has_one_folder_however_often_it_is_written(tmp_path: Path) -> None:
    first = write_evidence(tmp_path, ALERT, film())
    longer = replace(ALERT, end=ALERT.end + timedelta(seconds=1))
    assert write_evidence(tmp_path, longer, film()) == first
    assert write_evidence(tmp_path, replace(ALERT, track=5), film()) != first
    assert write_evidence(tmp_path, replace(ALERT, shadow=True), film()) != first
    assert json.loads((first / "alert.json").read_text())["end"] == "2026-11-30T12:00:04.000Z"
    assert len(list((tmp_path / "evidence").iterdir())) == 3


def test_what_a_killed_writer_left_of_people_goes_with_the_next_alert(tmp_path: Path) -> None:
    """Killed with both films half written; nobody writes that alert again."""
    killed = (
        "import os, signal, sys\n"
        "from dataclasses import replace\n"
        "from pathlib import Path\n"
        "from aislewatch.evidence.folder import write_evidence\n"
        "from tests.evidence.test_evidence import ALERT, film\n"
        "def pictures():\n"
        "    yield from film().pictures\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_evidence(Path(sys.argv[1]), ALERT, replace(film(), pictures=pictures()))\n"
    )
    command = [sys.executable, "-c", killed, str(tmp_path)]
    status = subprocess.run(command, check=False, cwd=Path(__file__).parents[2]).returncode
    assert status == -signal.SIGKILL
    [left] = (tmp_path / "evidence").iterdir()
    assert left.name.startswith(".")
    assert (left / "original.mp4").exists()
    other = write_evidence(tmp_path, replace(ALERT, track=5), film())
    assert list((tmp_path / "evidence").iterdir()) == [other]


def test_without_a_picture_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FootageError, match="no picture is left of alert till_1_left-"):
        write_evidence(tmp_path, ALERT, AlertFilm(NOON, []))
    assert list((tmp_path / "evidence").iterdir()) == []


def test_a_source_with_a_password_and_times_of_nowhere_are_refused() -> None:
    with pytest.raises(ValueError, match="password") as refused:
        replace(ALERT, source="rtsp://guard:s3cret@till/stream")
    assert "s3cret" not in str(refused.value)
    with pytest.raises(ValueError, match="UTC"):
        replace(ALERT, begin=datetime(2026, 11, 30, 12))
