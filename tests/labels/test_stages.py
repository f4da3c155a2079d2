"""Sources of several layouts through the real stages: what becomes labels, columns and clips."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from aislewatch.frames.spans import SHOPLIFTING, UNLABELED
from tests.footage_samples import run_ffmpeg
from tests.footage_stages import run_stages

# Of every synthetic video: 10 frames a second, as in the store.
SECONDS = 8
UCF_LINES = (
    "Shoplifting016_x264.mp4  Shoplifting  20  49  -1  -1  \n"
    "Arson001_x264.mp4  Arson  0  39  -1  -1\r\n"
    "Normal_Videos_003_x264.mp4  Normal  -1  -1  -1  -1\n"
)
DCSASS_LINES = "\r\n".join(f"Shoplifting016_x264_{k},Shoplifting,{int(k > 24)}" for k in range(32))
CVAT = """<annotations>
<meta><task><id>1</id><name>a.mp4</name><size>40</size>
<start_frame>0</start_frame><stop_frame>39</stop_frame>
<labels><label><name>shoplifting</name></label></labels></task></meta>
</annotations>
"""
VIDEOS = (
    "ucf/Shoplifting/Shoplifting016_x264.mp4",
    "ucf/Arson/Arson001_x264.mp4",
    "ucf/Normal_Videos_003_x264.mp4",
    "dc/Shoplifting016_x264_3.mp4",
    "dc/Shoplifting016_x264_30.mp4",
    "door/cam1/a.mp4",
    "door/cam1/b.mp4",
    "tills/a.mp4",
)
TEXTS = {
    "ucf/Temporal_Anomaly_Annotation.txt": UCF_LINES,
    "ucf/Anomaly_Test.txt": "Shoplifting/Shoplifting016_x264.mp4\n",
    "dc/Labels/Shoplifting.csv": DCSASS_LINES,
    "door/a.xml": CVAT,
    "door/videos.csv": "video,recording,day\na.mp4,monday,1\nb.mp4,,2\n",
    "tills/labels.csv": "file|class|start|end|subset|store\na|theft|1|3|training|Ghent\n",
}
LAYOUTS = {"ucf": "ucf_crime", "dc": "dcsass", "door": "cvat", "tills": "table"}


def intervals(video: str) -> list[list[object]]:
    table = pd.read_parquet("data/labels/annotations.parquet").round(6)
    own = table[table["video"] == video]
    return [list(row) for row in own[["label", "start_s", "end_s"]].itertuples(index=False)]


def warnings(rule: str) -> list[str]:
    table = pd.read_csv("data/validation.csv")
    assert set(table["level"]) <= {"warning"}
    return [str(fault) for fault in table.loc[table["rule"] == rule, "problem"]]


def test_every_layout_reaches_the_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = tmp_path / "data" / "raw"
    for seed, name in enumerate(VIDEOS):
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        # Another game of life each: no two share a motion.
        life = f"life=size=96x64:rate=10:ratio=0.3:seed={seed + 1}"
        run_ffmpeg("-f", "lavfi", "-i", life, "-t", str(SECONDS), "-pix_fmt", "yuv420p", raw / name)
    for name, text in TEXTS.items():
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_bytes(text.encode())
    run_stages(tmp_path, LAYOUTS, monkeypatch)

    assert intervals(VIDEOS[0]) == [["shoplifting", 2.0, 5.0]]
    assert intervals(VIDEOS[1]) == [["unlabeled", 0.0, 4.0], ["normal", 4.0, 8.0]]
    assert intervals(VIDEOS[2]) == [["normal", 0.0, 8.0]]
    assert intervals(VIDEOS[3]) == [["normal", 0.0, 8.0]]
    assert intervals(VIDEOS[4]) == [["shoplifting", 0.0, 8.0]]
    assert intervals("door/cam1/a.mp4") == [["normal", 0.0, 4.0], ["unlabeled", 4.0, 8.0]]
    assert intervals("door/cam1/b.mp4") == [["unlabeled", 0.0, 8.0]]
    assert intervals("tills/a.mp4") == [["shoplifting", 1.0, 3.0]]

    videos = pd.read_parquet("data/labels/videos.parquet").set_index("video")
    assert list(videos.loc[list(VIDEOS), "recording"]) == [
        "ucf_crime/Shoplifting016",
        "ucf_crime/Arson001",
        "ucf_crime/Normal_Videos_003",
        *["ucf_crime/Shoplifting016"] * 2,
        *["monday", "", ""],
    ]
    assert list(videos.loc[list(VIDEOS), "official"]) == ["test", *[""] * 6, "train"]
    assert list(videos.loc["door/cam1/a.mp4", ["camera", "day", "store"]]) == ["door/cam1", "1", ""]

    clips = pd.read_parquet("data/clips.parquet").groupby("video")["start"]
    assert "door/cam1/b.mp4" not in clips.groups
    # A clip is 16 frames: none touches an unlabeled part, which begins or ends with frame 40.
    assert list(clips.get_group("door/cam1/a.mp4")) == [0, 8, 16, 24]
    assert list(clips.get_group(VIDEOS[1])) == [40, 48, 56, 64]
    assert len(warnings("disagreement")) == 1


@pytest.mark.corpus
def test_real_videos_of_both_data_sets(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UCF-Crime's frames on its own videos, whose containers say 20 frames a second."""
    raw = tmp_path / "data" / "raw"
    shutil.copytree(corpus / "annotations" / "ucf_crime", raw / "ucf")
    shutil.copytree(corpus / "annotations" / "dcsass", raw / "dc" / "Labels")
    for video in sorted(corpus.glob("cctv/*/ucfcrime__*")):
        shutil.copyfile(video, raw / "ucf" / video.name)
    for video in sorted(corpus.glob("cctv/*/dcsass__*")):
        shutil.copyfile(video, raw / "dc" / video.name)
    run_stages(tmp_path, {"ucf": "ucf_crime", "dc": "dcsass"}, monkeypatch)

    assert intervals("ucf/ucfcrime__Shoplifting016_x264_tagged.mp4") == [
        [SHOPLIFTING, 31.5, 36.05],
    ]
    assert intervals("ucf/ucfcrime__Shoplifting027_x264_tagged.mp4") == [
        [SHOPLIFTING, 54.0, 58.05],
        [SHOPLIFTING, 73.5, 85.55],
    ]
    annotations = pd.read_parquet("data/labels/annotations.parquet")
    assert UNLABELED not in set(annotations["label"])
    assert set(pd.read_parquet("data/labels/videos.parquet")["official"]) == {"", "test"}
    [disagreement] = warnings("disagreement")
    assert "calls frames 695-1112 of Shoplifting016 shoplifting" in disagreement
    clips = pd.read_parquet("data/clips.parquet")
    own = clips[clips["video"].str.contains("Shoplifting016")]
    # Frames 630 to 720 of a container of 20 are 315 to 360 of the store's 10.
    events = own.loc[own["label"] == 1, "start"]
    assert events.between(315 - 16 * 0.4, 360.5 - 16 * 0.6).all()
    assert len(events) > 0
