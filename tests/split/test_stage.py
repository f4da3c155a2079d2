"""The stage split: the same bytes each time, before and after its split is accepted."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from aislewatch.cli import main as cli
from aislewatch.split.memory import read_assignments
from aislewatch.tables.segment import CLIPS
from stages import ingest, segment, validate
from stages import split as split_stage
from tests.split_tables import clips_of, even, pairs_of, videos_of

OUTPUTS = [
    Path("data/dataset/splits.parquet"),
    Path("data/bridges.csv"),
    Path("data/leak_report.json"),
    Path("metrics/split.json"),
]
HEADER = "video,sha256,split\n"
SIZE = 32


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, in which stages run in this process."""
    (tmp_path / "data").mkdir()
    (tmp_path / "execution").mkdir()
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["frames"] = {"fps": 10, "size": SIZE}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    (tmp_path / "data/assignments.csv").write_text(HEADER)
    monkeypatch.setenv("AISLEWATCH_EXECUTION", str(tmp_path / "execution"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_inputs(counts: dict[str, tuple[int, int]], near: list[tuple[str, str, float]]) -> None:
    """What the stages before leave."""
    videos, clips = videos_of(sorted(counts)), clips_of(counts)
    videos["frames_file"] = videos["sha256"] + ".yuv"
    videos["n_frames"] = [8 * sum(counts[video]) + 16 for video in videos["video"]]
    Path("data/dataset/frames").mkdir(parents=True, exist_ok=True)
    Path("data/labels").mkdir(exist_ok=True)
    for name, n_frames in zip(videos["frames_file"], videos["n_frames"], strict=True):
        frames = np.random.default_rng(int(name[:8], 16)).integers(16, 235, (6, 4), np.uint8)
        Path("data/dataset/frames", name).write_bytes(
            frames.repeat(SIZE // 4, axis=0).repeat(SIZE // 4, axis=1).tobytes() * n_frames
        )
    videos = videos.assign(stretches="0@0", store_fps=10)
    catalog = ["video", "sha256", "frames_file", "n_frames", "stretches", "store_fps"]
    videos[catalog].to_parquet("data/dataset/catalog.parquet")
    videos.drop(columns=catalog[1:]).to_parquet("data/labels/videos.parquet")
    pairs_of(near).to_csv("data/labels/duplicates.csv", index=False)
    clips = clips.merge(videos[["video", "frames_file"]], on="video").assign(overlap=0.0)
    CLIPS.write(clips[CLIPS.names])


def outputs() -> list[bytes]:
    """What a run of the stage writes."""
    split_stage.main()
    return [output.read_bytes() for output in OUTPUTS]


def test_the_same_bytes_again_and_after_accepting(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = even(80)
    names = sorted(counts)
    write_inputs(counts, [(names[0], names[-1], 0.8), (names[1], names[2], 0.4)])
    first = outputs()
    assert outputs() == first
    report = json.loads(OUTPUTS[2].read_text())
    assert report["worst_deviation_points"] <= 1
    assert report["groups"]["copy"] == 2
    assert report["groups"]["total"] == 78
    assert [pair["b"] for pair in report["contradictory_pairs"]] == [names[-1]]
    assert report["cameras"]["test_clips_share_of_trained"] == 1.0
    assert json.loads(OUTPUTS[3].read_text())["contradictory_pairs"] == 1

    cli.main(["split", "accept"])
    assert "80 video(s) appended to data/assignments.csv" in capsys.readouterr().out
    assert len(read_assignments()) == 80
    assert outputs() == first
    cli.main(["split", "accept"])
    assert "0 video(s) appended" in capsys.readouterr().out

    # A delivery: one plain video, and one that shows what lies on two sides.
    side = pd.read_parquet(OUTPUTS[0]).groupby("video")["split"].first()
    a, b = side[side == "train"].index[-1], side[side == "test"].index[-1]
    grown = counts | {"s/normal/new.mp4": (4, 0), "s/normal/tie.mp4": (4, 0)}
    write_inputs(grown, [(a, "s/normal/tie.mp4", 0.4), (b, "s/normal/tie.mp4", 0.4)])
    later = outputs()
    now = pd.read_parquet(OUTPUTS[0]).groupby("video")["split"].first()
    assert now[side.index].equals(side)
    assert set(now.index) - set(side.index) == {"s/normal/new.mp4"}
    bridges = pd.read_csv(OUTPUTS[1])
    assert bridges.values.tolist() == [
        ["s/normal/tie.mp4", f"copy of {b} (test); copy of {a} (train)"]
    ]
    assert json.loads(OUTPUTS[2].read_text())["left_out_videos"] == 1
    cli.main(["split", "accept"])
    assert outputs() == later
    assert len(read_assignments()) == 81


def test_a_refusal_is_one_message(project: Path) -> None:
    write_inputs(even(12) | {"s/normal/all_day.mp4": (900, 0)}, [])
    with pytest.raises(SystemExit, match=r"^split: the groups do not allow.*all_day.mp4, holds"):
        split_stage.main()
    with pytest.raises(SystemExit, match=r"no data/dataset/splits\.parquet to accept"):
        cli.main(["split", "accept"])


@pytest.mark.corpus
def test_real_copies_lie_on_one_side(corpus: Path, project: Path) -> None:
    """Its sibling without real footage is ``test_the_same_bytes_again_and_after_accepting``."""
    listed = pd.read_csv(corpus / "near_duplicates.csv")
    params = yaml.safe_load(Path("params.yaml").read_text()) | {"sources": {"mnnit": "folder"}}
    # 16 groups, one with a ninth of the clips, come no nearer than 1.43 points.
    params["split"]["tolerance_points"] = 2.0
    Path("params.yaml").write_text(yaml.safe_dump(params))
    for name in sorted({*listed["a"], *listed["b"]}):
        target = project / "data" / "raw" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(corpus / name, target)
    for stage in (ingest, validate, segment, split_stage):
        stage.main()
    splits = (
        pd.read_parquet("data/dataset/splits.parquet").drop_duplicates("video").set_index("video")
    )
    shared = listed[listed["frac_frames_shared"] > 0.5]
    assert len(shared) > 20
    found = pd.read_csv("data/labels/duplicates.csv").query("labels_conflict")
    opposed = {*found["a"], *found["b"]}  # what they share is used in neither
    used = [pair for pair in zip(shared["a"], shared["b"], strict=True) if not opposed & {*pair}]
    assert len(used) > 10
    for a, b in used:
        assert splits.loc[a, "group"] == splits.loc[b, "group"]
        assert splits.loc[a, "split"] == splits.loc[b, "split"]
    report = json.loads(Path("data/leak_report.json").read_text())
    contradictory = {(pair["a"], pair["b"]) for pair in report["contradictory_pairs"]}
    conflicts = shared[shared["labels_conflict"]]
    assert {
        (min(p), max(p)) for p in zip(conflicts["a"], conflicts["b"], strict=True)
    } <= contradictory
