"""What a manager reads: every fate in a line, old against new, how to answer, pictures inside."""

from pathlib import Path

import pytest

from aislewatch.retrain.news import Decision
from aislewatch.retrain.outcome import Fate, Outcome
from aislewatch.retrain.report import MOST_BYTES, decision_text, headline, result_text

NEWS = Decision(("new videos: 3 (shop/a.mp4)",), ("no drift is known",))


def outcome(fate: Fate) -> Outcome:
    return Outcome(
        version="4",
        digest="ab" * 32,
        model="cnn",
        fate=fate,
        verdict="it finds more",
        before="3",
        until="2026-03-08T03:00:00+00:00" if fate == "asks" else "",
        numbers={
            "gate.champion_auc": 0.8,
            "gate.challenger_auc": 0.9,
            "gate.challenger_auc_low": 0.85,
            "gate.challenger_auc_high": 0.95,
            "gate.p_auc": 0.01,
        },
        figures={"auc": (0.91, 0.85, 0.95), "mcc": (None, None, None)},
    )


@pytest.mark.parametrize(
    ("fate", "said"),
    [
        ("promoted", "version 4 is champion now (before: version 3)"),
        ("asks", "version 4 waits for people until 2026-03-08T03:00:00+00:00"),
        ("left", "version 4 stays challenger (champion: version 3)"),
        ("same", "the champion stays: version 4 has these very weights"),
    ],
)
def test_every_fate_is_said_in_a_line(fate: Fate, said: str) -> None:
    assert headline(outcome(fate)).startswith(said)
    text = result_text(NEWS, outcome(fate), {}, [], Path("nowhere"))
    assert text.startswith(f"**{said}")
    assert ("models approve 4" in text) == (fate == "asks")
    assert "- new videos: 3 (shop/a.mp4)" in text


def test_old_and_new_stand_side_by_side_with_links_notes_and_pictures(tmp_path: Path) -> None:
    report = tmp_path / "reports/evaluate"
    report.mkdir(parents=True)
    (report / "timelines.png").write_bytes(b"picture")
    (report / "mistake-01.webp").write_bytes(bytes(MOST_BYTES))
    links = {"MLflow": "http://here/run", "form": ""}
    text = result_text(NEWS, outcome("left"), links, ["not pushed"], tmp_path)
    for line in (
        "| ROC-AUC by video | 0.800 | 0.900 (0.850 to 0.950) |",
        "| p: better by chance | 0.01 |",
        "| auc | 0.910 | 0.850 to 0.950 |",
        "| mcc | – | – to – |",
        "- MLflow: http://here/run",
        "- not pushed",
        "![timelines.png](data:image/png;base64,cGljdHVyZQ==)",
    ):
        assert line in text.splitlines()
    assert "form" not in text
    assert "mistake-01" not in text, "a page that opens slowly is read by nobody"


def test_a_declined_run_says_why() -> None:
    text = decision_text(Decision((), ("no drift is known",)), 4.14, [])
    assert text.startswith("**Nothing to learn from** (looked for 4.1 s)")
    assert "- no drift is known" in text
