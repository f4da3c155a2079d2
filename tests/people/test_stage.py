"""The track stage on small films: boxes, squares and features, and what a change costs."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from aislewatch.config.params import load_params
from aislewatch.errors import FootageError, ModelError
from aislewatch.files import sha256_tree
from aislewatch.models.people_form import read_people_form
from aislewatch.people.boxes import overlaps
from aislewatch.people.features import feature_format, feature_graph
from aislewatch.tables import places
from aislewatch.tables.ingest import CATALOG
from aislewatch.tables.people import TRACKED, TRACKS
from tests.code_closure import ROOT
from tests.people.pictures import write_film
from tests.people.sessions import session_of
from tests.people.shop import (
    REGIONS,
    SQUARE,
    entries,
    film,
    make_shop,
    run_both,
    run_track,
    squares,
    walk,
)
from tests.people.tiny_detector import write_tiny


def test_each_persons_square_shows_the_person(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [[*one, (64, 32)] for one in walk(24, 1)]
    film(shop, "two.mp4", frames)
    film(shop, "empty.mp4", [[]] * 12)
    noted = run_both(shop, monkeypatch)
    counts = ("videos", "new", "without_people", "tracks")
    assert [noted[name] for name in counts] == [2, 2, 1, 2]
    tracked, tracks = TRACKED.read(), TRACKS.read()
    assert tracked.video.tolist() == ["shop/normal/two.mp4"] * 2
    assert tracks.sort_values(["video", "track", "frame"]).equals(tracks)
    for row in tracked.itertuples():
        boxes = tracks[tracks.track == row.track]
        assert (row.first, row.n_frames) == (0, 24), "extended to the stretch's end"
        shown = squares(row.file)
        assert len(shown) == row.n_frames
        bright = shown[:, :SQUARE] > 130
        middle = [np.argwhere(frame).mean(0) for frame in bright[boxes.frame]]
        assert np.abs(np.array(middle) - (SQUARE - 1) / 2).max() < 9
    assert noted[places.PEOPLE.as_posix()] == sha256_tree(places.PEOPLE)


def test_boxes_lie_round_the_person_in_the_frame_of_that_number(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The film has 15 pictures a second, the store 10: frames are those of the store."""
    film(shop, "walk.mp4", walk(36, 2), fps=15)
    run_both(shop, monkeypatch)
    [catalog] = CATALOG.read().itertuples()
    stored = np.fromfile(places.FRAMES / catalog.frames_file, np.uint8)
    greys = stored.reshape(-1, SQUARE * 3 // 2, SQUARE)[:, :SQUARE]
    tracks = TRACKS.read()
    assert len(tracks) > 15
    for row in tracks.itertuples():
        _, x = np.argwhere(greys[row.frame] > 130).mean(0) + 0.5
        assert abs(x / SQUARE * 96 - (row.left + row.right) / 2) < 9
    assert set(tracks[~tracks.interpolated].frame % 2) == {0}


def test_features_are_those_of_the_stored_squares(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film(shop, "walk.mp4", walk(40, 1))
    run_both(shop, monkeypatch)
    weights = Path(load_params().people.weights)
    [row] = TRACKED.read().itertuples()
    form, graph = feature_format(weights, 2), session_of(feature_graph(weights, SQUARE, 2))
    stored = np.fromfile(places.FEATURES / row.file, np.uint8).reshape(-1, form.frame_bytes)
    [made] = graph.run(None, {"yuv": squares(row.file)})
    np.testing.assert_array_equal(stored, made)
    of_form = read_people_form(places.PEOPLE_FORM)
    assert (of_form.square, of_form.every, of_form.channels) == (SQUARE, 2, form.channels)
    assert of_form.regions == tuple(REGIONS)


def test_no_way_crosses_a_gap_of_the_film(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film(shop, "gap.mp4", [[(24, 16)]] * 30, gap_at=14)
    run_both(shop, monkeypatch)
    found = TRACKED.read()
    stretches = CATALOG.read().stretches[0].split()
    assert len(stretches) == 2
    assert len(found) == 2
    assert found["first"].tolist() == [int(part.split("@")[0]) for part in stretches]
    assert found.n_frames.sum() == CATALOG.read().n_frames[0]


def test_a_new_video_costs_one_video(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film(shop, "a.mp4", walk())
    assert run_both(shop, monkeypatch)["new"] == 1
    before = entries()
    film(shop, "b.mp4", walk(30))
    (shop / "data/raw/shop/normal/copy.mp4").write_bytes(
        (shop / "data/raw/shop/normal/a.mp4").read_bytes()
    )
    noted = run_both(shop, monkeypatch)
    assert (noted["new"], noted["videos"], noted["tracks"]) == (1, 3, 3)
    assert before.items() <= entries().items()
    assert len(list(places.SQUARES.iterdir())) == 2, "a copy is one file"
    (shop / "data/raw/shop/normal/b.mp4").unlink()
    noted = run_both(shop, monkeypatch)
    assert (noted["new"], len(list(places.FEATURES.iterdir()))) == (0, 1)


def test_only_what_changes_the_content_makes_it_anew(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film(shop, "a.mp4", walk())
    first = run_both(shop, monkeypatch)
    for changes, new in (
        ({"every": 3}, 1),
        ({"square": 48}, 1),
        ({"regions": ["upper"]}, 1),
        ({}, 0),
    ):
        make_shop(shop, **changes)
        noted = run_track(shop)
        assert noted["new"] == new, changes
    assert noted[places.PEOPLE.as_posix()] == first[places.PEOPLE.as_posix()]
    write_tiny(places.DETECTOR / "tiny.onnx", classes=3)
    assert run_track(shop)["new"] == 1


def test_two_runs_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted = []
    for name in ("one", "other folder"):
        shop = make_shop(tmp_path / name)
        film(shop, "a.mp4", walk())
        film(shop, "b.mp4", [[*one, (64, 32)] for one in walk(20, 1)])
        noted.append(run_both(shop, monkeypatch))
    assert noted[0] == noted[1]


def test_without_weights_one_error_names_the_command(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film(shop, "a.mp4", walk())
    (shop / places.DETECTOR / "tiny.onnx").unlink()
    with pytest.raises(ModelError, match=r"tiny\.onnx is missing; .*`aislewatch pretrained fetch`"):
        run_both(shop, monkeypatch)


def test_a_video_that_changed_since_ingest_is_refused(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = film(shop, "a.mp4", walk())
    run_both(shop, monkeypatch)
    write_film(path, walk(30, 1))
    make_shop(shop, every=1)
    with pytest.raises(FootageError, match="is no longer the file that ingest accepted"):
        run_track(shop)
    assert TRACKED.read().n_frames.tolist() == [24], "what was there stays"


def test_without_a_detector_nothing_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop(tmp_path, detector="none")
    monkeypatch.chdir(shop)
    code = (
        "import sys; from stages.track import main; main();"
        "assert not {'onnx', 'onnxruntime', 'av', 'scipy'} & set(sys.modules), 'too much'"
    )
    (shop / "execution").mkdir()
    environment = os.environ | {"PYTHONPATH": str(ROOT), "AISLEWATCH_EXECUTION": "execution"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert sorted(path.name for path in places.PEOPLE.iterdir()) == [
        *("features", "squares", "tracked.parquet", "tracks.parquet")
    ]
    assert TRACKS.read().empty
    assert TRACKED.read().empty


def test_real_people_are_followed(
    corpus: Path, nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = places.DETECTOR / nano.name
    shop = make_shop(tmp_path, weights=str(weights), square=192)
    (shop / weights).write_bytes(nano.read_bytes())
    name = "Shoplifting_056_part1.mp4"
    (shop / "data/raw/shop/normal").mkdir(parents=True)
    (shop / "data/raw/shop/normal" / name).write_bytes(
        (corpus / "mnnit/shoplifting" / name).read_bytes()
    )
    run_both(shop, monkeypatch)
    found = TRACKED.read()
    main = found.loc[found.prominence.idxmax()]
    assert main.n_frames >= 0.9 * CATALOG.read().n_frames[0]
    assert (places.FEATURES / main.file).stat().st_size == main.n_frames * 2 * 2 * 24_576
    boxes = TRACKS.read().query(f"track == {main.track}")
    sides = boxes[["left", "top", "right", "bottom"]].to_numpy()
    steps = [overlaps(a[None], b[None])[0, 0] for a, b in pairwise(sides)]
    assert min(steps) > 0.5, "one person, not several"
    assert boxes.score.median() > 0.6
