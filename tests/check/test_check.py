"""``aislewatch check``, as a person runs it, on a good and on a flawed source of each layout."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.code_closure import ROOT
from tests.footage_samples import make_video
from tests.projects import environment

DATA = Path(__file__).parents[1] / "data"
VIDEO_S = 4.0
# At 10 frames/s.
UCF_LINE = "Shoplifting016_x264.mp4  Shoplifting  10  19  -1  -1  \n"
DCSASS_LINES = "\r\n".join(f"Shoplifting016_x264_{k},Shoplifting,{k % 2}" for k in range(32))
CVAT = """<annotations>
<meta><task><id>1</id><name>a.mp4</name><size>40</size>
<labels><label><name>shoplifting</name></label></labels></task></meta>
<track id="0" label="shoplifting">
<box frame="10" outside="0" xtl="1" ytl="1" xbr="2" ybr="2"/>
<box frame="{end}" outside="1" xtl="1" ytl="1" xbr="2" ybr="2"/>
</track>
</annotations>
"""
LABEL_STUDIO = """[{{"id": 7, "data": {{"video": "/data/upload/3/0123abcd-a.mp4", "fps": 10}},
"annotations": [{{"id": 1, "completed_by": 2, "result": [{{"id": "r", "type": "timelinelabels",
"from_name": "when", "to_name": "video", "value": {{"timelinelabels": ["Shoplifting"],
"ranges": [{{"start": 11, "end": {end}}}]}}}}]}}]}}]
"""


@dataclass(frozen=True)
class Case:
    """Files of a source in its layout: videos, texts that are right, and texts that are wrong."""

    layout: str
    videos: tuple[str, ...]
    good: dict[str, str]
    flawed: dict[str, str]
    says: tuple[str, ...]
    sums: tuple[str, ...] = ()


CASES = (
    Case(
        "folder",
        ("till/shoplifting/a.mp4", "till/normal/b.mp4", "c.mp4"),
        {"events.csv": "video,start_s,end_s,label\ntill/shoplifting/a.mp4,1,2,shoplifting\n"},
        {"events.csv": "video,start_s,end_s,label\nb.mp4,1,2,shoplifting\nd.mp4,x,1,theft\n"},
        (
            "events.csv line 2 [{source}/till/normal/b.mp4]: an event in a video that stands in a "
            "normal/ folder -> move the video",
            "events.csv line 3 [{source}/d.mp4]: there is no video 'd.mp4' in {source}/ -> add",
            "{source}/till/shoplifting/a.mp4: its source has an events.csv, but no event for this",
        ),
    ),
    Case(
        "table",
        ("a.mp4", "b.mp4", "c.mp4"),
        {
            "labels.csv": "file;class;start_frame;end_frame;subset;store\n"
            "a;theft;10;19;test;Ghent\nb;normal;;;;Ghent\n"
        },
        {
            "labels.csv": "file;class;start_frame;end_frame\na;theft;10;60\nb;nothing;;\n"
            "b;normal;;;x\nc;theft;39;10\n"
        },
        (
            "labels.csv line 2 [{source}/a.mp4]: the end 6.1 s is beyond the video's end at 4.000",
            "labels.csv line 3 [{source}/b.mp4]: unknown label 'nothing' -> write shoplifting",
            "labels.csv line 4: 5 fields instead of 4 -> quote",
            "labels.csv line 5 [{source}/c.mp4]: the start 3.9 s is not before the end 1.1 s",
            # Only what lies inside the video counts, and no time that is turned around.
            "\n  shoplifting        2     0:00:03       2\n",
        ),
        (
            "\n  unlabeled          1     0:00:04\n",
            "1 camera(s), with their videos: table_good (3)",
            "sides of the data set's authors: 1 test",
            "further properties: store",
        ),
    ),
    Case(
        "cvat",
        ("a.mp4", "c.mp4"),
        {"labels/a.xml": CVAT.format(end=20)},
        {"labels/a.xml": CVAT.format(end=90), "labels/b.xml": "<annotations>"},
        (
            "labels/a.xml line 4 [{source}/a.mp4]: the end 9 s is beyond the video's end",
            "labels/b.xml line 1: ",
        ),
    ),
    Case(
        "label_studio",
        ("a.mp4", "c.mp4"),
        {"export.json": LABEL_STUDIO.format(end=20)},
        {"export.json": LABEL_STUDIO.format(end=90), "more.json": "{"},
        (
            "export.json [{source}/a.mp4]: the end 9 s is beyond the video's end at 4.000 s",
            "more.json",
        ),
    ),
    Case(
        "ucf_crime",
        ("Shoplifting/Shoplifting016_x264.mp4", "Arson/Arson001_x264.mp4"),
        {
            "Temporal_Anomaly_Annotation.txt": UCF_LINE,
            "Anomaly_Test.txt": "Shoplifting/Shoplifting016_x264.mp4\nArson/Arson001_x264.mp4",
        },
        {
            "Temporal_Anomaly_Annotation.txt": UCF_LINE.replace("10  19", "30  80"),
            "Anomaly_Test.txt": "Shoplifting/Shoplifting016_x264.mp4\nShop lifting",
            "Anomaly_Train.txt": "Shoplifting/Shoplifting016_x264.mp4",
        },
        (
            "line 1 [{source}/Shoplifting/Shoplifting016_x264.mp4]: the end 8.1 s is beyond",
            "Anomaly_Test.txt line 2: 'Shop lifting' is no line of UCF-Crime",
            "Anomaly_Train.txt line 1: Shoplifting016 is listed as train, and elsewhere as test",
        ),
    ),
    Case(
        "dcsass",
        (
            "Shoplifting/Shoplifting016_x264.mp4/Shoplifting016_x264_1.mp4",
            "Shoplifting/Shoplifting016_x264.mp4/Shoplifting016_x264_2.mp4",
            "Shoplifting/Shoplifting016_x264.mp4/Shoplifting016_x264_32.mp4",
        ),
        {"Labels/Shoplifting.csv": DCSASS_LINES},
        {
            "Labels/Shoplifting.csv": DCSASS_LINES.replace("_2,Shop", "-2,Shop").replace(
                "_3,Shoplifting", "_3,Stealing"
            ),
            "videos.csv": "video,day\nShoplifting016_x264_1,1\nShoplifting016_x264_1,2\n",
        },
        (
            "Labels/Shoplifting.csv line 3: 'Shoplifting016_x264-2,Shoplifting,0' names no segment",
            "Labels/Shoplifting.csv line 4: the class is Stealing, not that in the name",
            "videos.csv line 3 ",
        ),
    ),
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with every case twice: as it should be, and flawed."""
    folder = tmp_path_factory.mktemp("check")
    video = make_video(folder / "video.mp4", seconds=VIDEO_S)
    sources = {}
    for case in CASES:
        for name, texts in (("good", case.good), ("flawed", case.flawed)):
            source = f"{case.layout}_{name}"
            sources[source] = case.layout
            for path in case.videos:
                target = folder / "data/raw" / source / path
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(video, target)
            for path, text in texts.items():
                target = folder / "data/raw" / source / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(text.encode())
    values = yaml.safe_load((ROOT / "params.yaml").read_text()) | {"sources": sources}
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    return folder


def check(project: Path, source: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a shell does."""
    return subprocess.run(
        [sys.executable, "-m", "aislewatch.cli.main", "check", source],
        cwd=project,
        env=environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.layout)
def test_a_good_source(project: Path, case: Case) -> None:
    done = check(project, f"{case.layout}_good")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert f"_good is laid out as {case.layout}:" in done.stdout
    assert re.search(r"\n  shoplifting +1 +0:00:0[14] +1\n", done.stdout), done.stdout
    assert "\n0 error(s), " in done.stdout
    for words in case.sums:
        assert words in done.stdout
    # Nothing was decoded, and nothing written.
    assert sorted(path.name for path in project.iterdir()) == ["data", "params.yaml", "video.mp4"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.layout)
def test_every_flaw_is_told_at_once(project: Path, case: Case) -> None:
    source = f"{case.layout}_flawed"
    done = check(project, source)
    assert done.returncode == 1
    assert "error(s) would stop the pipeline; correct them first" in done.stderr
    assert "Traceback" not in done.stderr
    for words in case.says:
        assert words.format(source=source) in done.stdout, done.stdout


def test_files_that_ingest_would_refuse_are_listed(project: Path) -> None:
    folder = project / "data/raw/folder_good"
    (folder / "till/normal/link.mp4").symlink_to(project / "video.mp4")
    (folder / "empty.mp4").touch()
    # As a camera's stream is dumped to disk: its header states no length.
    make_video(folder / "stream.mkv", "-live", "1", seconds=7)
    done = check(project, "folder_good")
    for path in ("till/normal/link.mp4", "empty.mp4", "stream.mkv"):
        (folder / path).unlink()
    assert done.returncode == 0
    assert re.search(r"unlabeled +2 +0:00:11\n", done.stdout)
    assert "warning data/raw/folder_good/empty.mp4: empty: the file has no bytes" in done.stdout
    assert "warning data/raw/folder_good/till/normal/link.mp4: symlink: " in done.stdout


def test_a_source_that_is_not_there(project: Path) -> None:
    done = check(project, "nothing")
    assert done.returncode == 1
    assert "'nothing' is none of the sources in params.yaml (cvat_flawed, " in done.stderr
    shutil.move(project / "data/raw/cvat_good", project / "data/raw/moved")
    done = check(project, "cvat_good")
    shutil.move(project / "data/raw/moved", project / "data/raw/cvat_good")
    assert done.returncode == 1
    assert "source 'cvat_good' is no folder in data/raw" in done.stderr


def test_a_folder_without_videos(project: Path) -> None:
    folder = project / "data/raw/dcsass_good/Shoplifting"
    shutil.move(folder, project / "kept")
    done = check(project, "dcsass_good")
    shutil.move(project / "kept", folder)
    assert done.returncode == 1
    assert "there is no video that could be used -> put footage there" in done.stdout
