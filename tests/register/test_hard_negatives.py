"""What reviewers judged not theft is held against both models, and told beside the verdict."""

from pathlib import Path

import pandas as pd
import pytest

from aislewatch.config.params import load_params
from aislewatch.register.decision import Verdict
from aislewatch.register.hard_negatives import HardNegatives, hard_negatives
from aislewatch.register.verdict import write_verdict
from aislewatch.score.scored import Dataset
from aislewatch.tables import places
from tests.code_closure import ROOT
from tests.small_evaluation import write_data
from tests.watch.champions import save_network

PARAMS = load_params(ROOT / "params.yaml")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tables")
    write_data(root)
    return root


def test_false_alarms_of_both_are_counted_on_the_reviewers_clips_alone(
    tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tables)
    read = {
        name: pd.read_parquet(getattr(places, name.upper()))
        for name in ("splits", "catalog", "annotations", "videos")
    }
    deaf = save_network(tmp_path / "challenger", PARAMS, 0, threshold=1.0)
    eager = save_network(tmp_path / "champion", PARAMS, 0, threshold=0.0)
    nobody = hard_negatives(deaf, eager, Dataset(**read), PARAMS)
    assert nobody == HardNegatives(0, 0, None)
    # Two that were judged not theft, a theft, and one that lies on the test side.
    judged = [f"synthetic/cam1/{name}.mp4" for name in ("normal/v00", "normal/v06")]
    others = [f"synthetic/cam1/{name}.mp4" for name in ("shoplifting/v01", "normal/v04")]
    is_judged = read["videos"]["video"].isin([*judged, *others])
    read["videos"] = read["videos"].assign(
        source=read["videos"]["source"].where(~is_judged, "desk")
    )
    found = hard_negatives(deaf, eager, Dataset(**read), PARAMS)
    # An alarm that goes on all the time is one a video here: none lasts for a minute.
    assert found == HardNegatives(clips=2, challenger=0, champion=2)
    assert hard_negatives(eager, None, Dataset(**read), PARAMS) == HardNegatives(2, 2, None)


def test_verdict_and_page_tell_them_and_they_decide_nothing(tmp_path: Path) -> None:
    verdict = Verdict(False, "events", "not shown to be better", {"gate.p_recall": 0.5})
    told_beside = HardNegatives(12, 1, 9).beside(verdict)
    assert (told_beside.promote, told_beside.gate) == (False, "events")
    assert told_beside.reason == (
        "not shown to be better; false alarms on 12 hard negatives (clips that reviewers judged "
        "not theft, which it learned from): 1 against the champion's 9"
    )
    write_verdict("cnn, version 2", told_beside, tmp_path / "page")
    page = (tmp_path / "page/index.html").read_text()
    assert "against the champion&#39;s 9" in page
    assert "hard_negative_alarms_champion" in page
    assert HardNegatives(0, 0, None).beside(verdict) == verdict
    first = HardNegatives(3, 2, None).beside(verdict)
    assert first.reason.endswith("learned from): 2")
