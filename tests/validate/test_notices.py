"""What ingest had to say of a video stands in the report of validate, and stops nothing."""

from pathlib import Path

import pandas as pd
import pytest

from stages.validate import main
from tests.validate.stage_project import project
from tests.validate.test_expectations import GOOD

NOTICE = "it has 2 video tracks: track 1 is taken -> to take another, `ffmpeg -i FILE NEW.mkv`"


def test_notices_of_the_catalog_are_warnings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, GOOD.assign(notices=[f"{NOTICE}\n{NOTICE}", *[""] * (len(GOOD) - 1)]))
    (tmp_path / "execution").mkdir()
    monkeypatch.setenv("AISLEWATCH_EXECUTION", str(tmp_path / "execution"))
    monkeypatch.chdir(tmp_path)
    main()
    report = pd.read_csv("data/validation.csv")
    told = report[report["rule"] == "footage"]
    assert set(told["level"]) == {"warning"}
    assert list(told["video"]) == [GOOD["video"].iloc[0]] * 2
    assert told["problem"].iloc[0] == "it has 2 video tracks: track 1 is taken"
    assert told["remedy"].iloc[0] == "to take another, `ffmpeg -i FILE NEW.mkv`"
