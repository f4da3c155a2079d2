"""What reviewers say is learned from: an alert becomes a labelled clip on the training side."""

import csv
from pathlib import Path

import pandas as pd
import pytest
import yaml

from aislewatch.cli.main import main
from aislewatch.config.params import load_params
from aislewatch.desk.publish import name_source, publish
from aislewatch.errors import DeskError
from aislewatch.split.memory import accept
from stages import split
from tests.code_closure import ROOT
from tests.desk.desks import Shop, open_shop
from tests.desk.evidence_folders import NOON, write_evidence, write_film
from tests.desk.two_alerts import verdict
from tests.footage_stages import ALL, run_stages


@pytest.fixture
def judged(tmp_path: Path) -> tuple[Shop, list[str]]:
    """Three alerts: a theft, a false alarm, and one of which the guard is unsure."""
    shop = open_shop(tmp_path / "live")
    clips = [
        write_evidence(shop.desk.live, camera, NOON + 60 * i, seed=100 + 2 * i)
        for i, camera in enumerate(("till", "till", "door"))
    ]
    shop.look()
    client = shop.client("gus")
    verdict(client, clips[0], "theft", start_s=1.25, end_s=2.5)
    verdict(client, clips[1], "not theft")
    verdict(client, clips[2], "unsure")
    return shop, clips


def rows(raw: Path) -> list[dict[str, str]]:
    with (raw / "desk/labels.csv").open() as file:
        return list(csv.DictReader(file))


def test_verdicts_become_labels_and_the_same_verdicts_the_same_bytes(
    judged: tuple[Shop, list[str]], tmp_path: Path
) -> None:
    (shop, clips), raw = judged, tmp_path / "raw"
    first = publish(shop.desk.database, shop.desk.live, raw, NOON)
    assert (first.thefts, first.hard_negatives, first.lost) == (1, 1, [])
    said = {row["video"]: (row["label"], row["start_s"], row["end_s"]) for row in rows(raw)}
    assert said == {
        f"till/{clips[0]}.mp4": ("shoplifting", "1.250", "2.500"),
        f"till/{clips[1]}.mp4": ("normal", "", ""),
    }
    taken = (shop.desk.live / "evidence" / clips[0] / "original.mp4").read_bytes()
    assert (raw / "desk" / f"till/{clips[0]}.mp4").read_bytes() == taken
    # What was published once is kept when its evidence is gone, and leaves when it is undone.
    (shop.desk.live / "evidence" / clips[0] / "original.mp4").unlink()
    assert publish(shop.desk.database, shop.desk.live, raw, NOON + 1).version == first.version
    client = shop.client("gus")
    assert verdict(client, clips[0], "unsure", expected=1) == 303
    later = publish(shop.desk.database, shop.desk.live, raw, NOON + 2)
    assert (later.thefts, later.hard_negatives) == (0, 1)
    assert not (raw / "desk" / f"till/{clips[0]}.mp4").exists()


def test_a_publishing_that_fails_leaves_the_source_as_it_was(
    judged: tuple[Shop, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop, clips), raw = judged, tmp_path / "raw"
    publish(shop.desk.database, shop.desk.live, raw, NOON)
    before = sorted(path.name for path in (raw / "desk").rglob("*"))
    verdict(shop.client("gus"), clips[2], "theft", expected=3)

    def full(_source: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(OSError, match="No space"):
        publish(shop.desk.database, shop.desk.live, raw, NOON)
    assert sorted(path.name for path in (raw / "desk").rglob("*")) == before


def test_nothing_judged_is_nothing_to_publish(tmp_path: Path) -> None:
    shop = open_shop(tmp_path / "live")
    with pytest.raises(DeskError, match="judge some on the desk first"):
        publish(shop.desk.database, shop.desk.live, tmp_path / "raw", NOON)
    assert not (tmp_path / "raw").exists()


def test_the_source_is_named_once_and_every_comment_stays(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    text = (ROOT / "params.yaml").read_text()
    params.write_text(text)
    assert name_source(params)
    assert not name_source(params)
    changed = params.read_text().splitlines()
    assert [line for line in changed if line not in text.splitlines()] == [
        "  desk: table        # what reviewers judged (`aislewatch desk publish`)"
    ]
    assert load_params(params).sources["desk"] == "table"
    params.write_text(
        yaml.safe_dump(yaml.safe_load(text)).replace("sources:\n", "sources: {a: folder}\n#")
    )
    with pytest.raises(DeskError, match="by hand"):
        name_source(params)


def test_an_alerts_verdict_reaches_the_training_side_and_moves_nothing(
    judged: tuple[Shop, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, clips = judged
    for i in range(12):
        kind = "shoplifting" if i % 2 else "normal"
        write_film(tmp_path / f"data/raw/shop/aisle/{kind}/{i}.mp4", seed=200 + i)
    (tmp_path / "data/assignments.csv").write_text("video,sha256,split\n")
    stages = (*ALL, split)
    run_stages(tmp_path, {"shop": "folder"}, monkeypatch, ALL)
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["split"] |= {"tolerance_points": 20.0}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    split.main()
    accept()
    before = pd.read_parquet("data/dataset/splits.parquet").drop_duplicates("video")
    main(["desk", "--live", str(shop.desk.live), "publish"])
    assert yaml.safe_load(Path("params.yaml").read_text())["sources"] == {
        "desk": "table",
        "shop": "folder",
    }
    main(["check", "desk"])
    for stage in stages:
        stage.main()
    after = pd.read_parquet("data/dataset/splits.parquet")
    sides = dict(zip(after["video"], after["split"], strict=True))
    assert {video: sides[video] for video in before["video"]} == dict(
        zip(before["video"], before["split"], strict=True)
    )
    theft, harmless = (f"desk/till/{clip}.mp4" for clip in clips[:2])
    assert (sides[theft], sides[harmless]) == ("train", "train")
    labels = after.groupby("video")["label"].max()
    assert (labels[theft], labels[harmless]) == (1, 0)
    told = pd.read_parquet("data/labels/annotations.parquet").set_index("video")
    assert told.loc[theft, ["start_s", "end_s"]].tolist()[0:2] == [1.25, 2.5]
