"""`aislewatch what-if` on kept scores: the table and picture of a shop whose alarms are known."""

import json
import math
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given
from PIL import Image

from aislewatch.alerts.clips import ScoredClip
from aislewatch.alerts.engine import AlertEngine
from aislewatch.alerts.rule import AlertRule
from aislewatch.cli.main import main
from aislewatch.config.params import load_params
from aislewatch.files import sha256_file
from aislewatch.score.events import VideoScores
from aislewatch.tables import places
from aislewatch.tables.ingest import CATALOG
from aislewatch.tables.score import scores_of
from aislewatch.tables.split import SPLITS
from aislewatch.tables.validate import ANNOTATIONS, VIDEOS
from aislewatch.whatif.curve import points
from tests.alerts.test_engine import footage, rules
from tests.code_closure import ROOT
from tests.desk.desks import open_shop

HOUR_CLIPS = 4500  # of 1.6 s, 0.8 s apart
# One hour of each; the clips from 1000 on score so.
HIGH = {"theft": [0.9, 0.9], "calm": [0.6, 0.6], "busy": [0.95, 0.1, 0.95, 0.1, 0.95]}
EVENT_S = (795.0, 805.0)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that has nothing but tables: no frames, no network."""
    monkeypatch.chdir(tmp_path)
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["alerts"]["consecutive"] = 2
    Path("params.yaml").write_text(yaml.safe_dump(values))
    names = [f"shop/cam/{name}.mp4" for name in HIGH]
    catalog = pd.DataFrame({"video": names, "frames_file": names}).assign(
        source="shop", camera="cam", label="normal", sha256="0", n_frames=36008, store_fps=10,
        stretches="0@0", pictures=36008, fps=10.0, width=64, height=64, duration_s=3600.8,
        end_s=3600.8, codec="h264", lost_s=0.0, notices="",
    )  # fmt: skip
    CATALOG.write(catalog[CATALOG.names])
    VIDEOS.write(VIDEOS.frame((name, "shop", "cam", "", "", "") for name in sorted(names)))
    ANNOTATIONS.write(ANNOTATIONS.frame([(names[0], "shoplifting", *EVENT_S)]))
    SPLITS.write(SPLITS.frame((name, name, 0, 0, 0.0, name, "val") for name in sorted(names)))
    rows = []
    for name, high in zip(names, HIGH.values(), strict=True):
        scores = [0.0] * HOUR_CLIPS
        scores[1000 : 1000 + len(high)] = high
        rows += [
            (name, name, 8 * i, i * 0.8, i * 0.8 + 1.6, "val", 0, True, -1, score)
            for i, score in enumerate(scores)
        ]
    table = scores_of("cnn")
    table.write(table.frame(sorted(rows)))
    places.facts_of("cnn").write_text("{}")
    Path("models").mkdir()
    Path("models/selected.json").write_text(json.dumps({"model": "cnn"}))
    return tmp_path


def table_of(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "reports/what_if/table.csv").set_index("threshold")


def test_the_table_has_what_each_threshold_would_have_meant(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three hours, of which almost all are normal: one alarm among them is 8 a day."""
    main(["what-if", "--threshold", "0.5", "--threshold", "0.8"])
    said = capsys.readouterr().out
    assert "3 hours of validation footage: each of 2 clips in a row" in said
    assert [line.split()[1] for line in said.splitlines() if "1 of 1" in line] == ["0.8", "0.5"]
    table = table_of(kept)
    assert table.loc[0.8, ["events_found", "events", "recall"]].tolist() == [1, 1, 1.0]
    assert table.loc[0.8, "false_alarms"] == 0.0
    assert table.loc[0.8, "false_alarms_bound"] == pytest.approx(3.0 * 8, rel=0.01)
    assert table.loc[0.5, "false_alarms"] == pytest.approx(8.0, rel=0.01)
    assert table.loc[0.5, "alerts"] == pytest.approx(16.0, rel=0.01)
    # Raised at the end of the second clip: 801.6 + 0.8 s, the event began at 795.
    assert table.loc[0.8, "delay_s"] == pytest.approx(7.4)
    assert table.loc[0.95, "recall"] == 0.0
    assert math.isnan(table.loc[0.95, "delay_s"])
    with Image.open(kept / "reports/what_if/curve.png") as curve:
        assert curve.width > 600


def test_another_rule_is_tried_without_scoring_anything(kept: Path) -> None:
    """Three of five high clips, never two in a row, are an alarm of the majority alone."""
    before = sha256_file(scores_of("cnn").path)
    main(["what-if"])
    consecutive = table_of(kept)
    plain = sha256_file(kept / "reports/what_if/curve.png")
    main(["what-if", "--rule", "method=majority", "--rule", "votes=3"])
    majority = table_of(kept)
    assert consecutive.loc[0.93, "false_alarms"] == 0.0
    assert majority.loc[0.93, "false_alarms"] == pytest.approx(8.0, rel=0.01)
    assert majority.loc[0.8, "recall"] == 0.0
    assert sha256_file(kept / "reports/what_if/curve.png") != plain
    assert sha256_file(scores_of("cnn").path) == before


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (["--rule", "methd=median"], "--rule methd=median: write KEY=VALUE"),
        (["--rule", "method=loud"], "--rule method: Input should be 'consecutive'"),
        (["--rule", "method=majority", "--rule", "votes=9"], "only 5 clips vote"),
        (["--threshold", "80"], "--threshold 80 is no probability"),
    ],
)
def test_what_cannot_be_asked_is_refused(kept: Path, said: list[str], says: str) -> None:
    with pytest.raises(SystemExit, match=re.escape(says)):
        main(["what-if", *said])


@given(footage(), rules)
def test_what_if_counts_the_alerts_that_the_engine_raises(
    clips: list[ScoredClip], r: AlertRule
) -> None:
    """Clip by clip, as a camera's come, and of kept scores at once."""
    engine = AlertEngine(r)
    heard = [change for clip in clips for change in engine.feed(clip)]
    raised = sum(change.kind == "raised" for change in heard)
    seconds = clips[-1].end_s if clips else 1.0
    video = VideoScores("a", seconds, (), tuple(clips))
    [point] = points([video], [r], load_params(ROOT / "params.yaml").evaluate)
    assert point.alerts * seconds / 86_400 == pytest.approx(raised)


def test_the_desk_shows_the_threshold_in_use_and_any_that_is_asked_for(kept: Path) -> None:
    shop = open_shop(kept / "live")
    client = shop.client("gus")
    assert "in use" not in client.get("/thresholds").text
    operating = kept / "live/operating"
    operating.mkdir()
    (operating / "point.json").write_text(json.dumps({"rule": {"threshold": 0.998}}))
    (operating / "changes.jsonl").write_text(json.dumps({"point": "point"}) + "\n")
    page = client.get("/thresholds?threshold=0.8125").text
    rows = dict(re.findall(r'"row">([^<]+?)(?: <strong>([^<]+)</strong>)?</th>', page))
    assert (rows["0.998"], rows["0.8125"], rows["0.9999"]) == ("in use", "asked for", "")
    assert "0.8125 <strong>asked for</strong></th><td>1 of 1</td><td>0.00</td>" in page
    for wrong in ("loud", "1.5", "nan"):
        assert client.get(f"/thresholds?threshold={wrong}").status_code == 400


def test_before_evaluate_it_says_what_to_run(kept: Path) -> None:
    (kept / "models/selected.json").unlink()
    with pytest.raises(SystemExit, match="`dvc repro` makes it"):
        main(["what-if"])
