"""The parts of the report: tables behind `dvc plots`, the printed table, mistakes."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sk

from aislewatch.errors import PipelineError
from aislewatch.evaluate.metrics import clip_metrics
from aislewatch.evaluate.summary import as_json
from aislewatch.models.rows import BY_NAME, ROWS
from aislewatch.report import plots
from aislewatch.report.mistakes import worst_mistakes
from aislewatch.report.model_table import WIDTH, print_tables
from aislewatch.report.operator_table import render_operator_table
from aislewatch.score.predictions import labels_and_scores
from tests.simulated_scores import evaluated, five_models, scored, simulated


def test_the_printed_table_stands_beside_the_papers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = as_json(evaluated(*five_models(np.random.default_rng(0))))
    path = tmp_path / "evaluate.json"
    path.write_text(json.dumps(summary))
    print_tables(path)
    printed = capsys.readouterr().out
    assert all(row.title.split(" (")[0] in printed for row in ROWS)
    assert "paper 92" in printed
    assert printed.index("False alarms an hour") < printed.index("Test split")
    assert max(len(line) for line in printed.splitlines()) <= WIDTH
    with pytest.raises(PipelineError, match="`dvc repro` makes it"):
        print_tables(tmp_path / "nothing.json")


def test_the_operators_table_says_what_the_alerts_are_worth() -> None:
    summary = as_json(evaluated(*five_models(np.random.default_rng(0))))
    chosen = summary["models"][summary["selected"]]
    chosen["alerts"] |= {
        "events": 50,
        "events_found": 42,
        "recall": {"value": 0.84, "low": 0.712, "high": 0.929},
        "false_alarms": 2,
        "false_alarms_per_hour": 1.25,
        "false_alarms_per_hour_low": 0.151,
        "false_alarms_per_hour_high": 4.515,
        "normal_hours": 1.6,
        "delay_p50_s": 4.31,
        "delay_p95_s": 7.02,
        "alert_share": 0.0041,
    }
    lines = [" ".join(line.split()) for line in render_operator_table(summary).splitlines()]
    assert f"{BY_NAME[summary['selected']].title} on 96 minutes of normal" in lines[0]
    for line in (
        "│ Events found │ 42 of 50: 84 % [71, 93] │",
        "│ Delay │ 4.3 s after an event begins (median); 7.0 s for the slowest 5 % │",
        "│ False alarms an hour │ 1.2 [0.2, 4.5]: 2 in 1.60 h of one camera │",
        "│ Time in alert │ 0.41 % of normal footage │",
    ):
        assert line in lines
    nothing = as_json(evaluated(scored("cnn", *[simulated(4, 3, np.random.default_rng(0))] * 2)))
    nothing["models"]["cnn"]["alerts"] |= {
        "recall": {"value": None, "low": None, "high": None},
        **dict.fromkeys(("delay_p50_s", "false_alarms_per_hour", "alert_share")),
    }
    assert render_operator_table(nothing).count("–") == 3


def test_dvc_plots_have_a_column_a_model() -> None:
    test = {model.name: model.side("test") for model in five_models(np.random.default_rng(0))}
    roc, pr = plots.roc_table(test), plots.pr_table(test)
    assert list(roc) == ["fpr", *BY_NAME]
    assert list(pr) == ["recall", *BY_NAME]
    for name, clips in test.items():
        assert roc[name].is_monotonic_increasing
        assert pr[name].is_monotonic_decreasing
        area = float(np.trapezoid(roc[name], roc["fpr"]))
        assert area == pytest.approx(clip_metrics(clips)["auc"], abs=0.02)
    predicted = plots.confusion_table(test)
    for name, clips in test.items():
        labels, scores = labels_and_scores(clips)
        right = sk.accuracy_score(labels, scores >= 0.5)
        assert (predicted[name] == predicted["actual"]).mean() == pytest.approx(right)


@pytest.mark.parametrize("label", [0, 1])
def test_worst_mistakes_are_the_worst_and_from_different_videos(label: int) -> None:
    clips = simulated(40, 6, np.random.default_rng(9))
    found = worst_mistakes(clips, label, 4)
    assert len(found) == 4
    assert len({mistake.video for mistake in found}) == 4
    assert {mistake.label for mistake in found} == {label}
    distances = [abs(mistake.score - label) for mistake in found]
    assert distances == sorted(distances, reverse=True)
    of_class = clips[clips["label"] == label]
    assert distances[0] == (of_class["score"] - label).abs().max()
    assert all((mistake.score >= 0.5) != bool(label) for mistake in found)


def test_no_mistakes_is_an_answer() -> None:
    clips = simulated(4, 3, np.random.default_rng(0))
    perfect = clips.assign(score=clips["label"].astype(float))
    assert worst_mistakes(perfect, 0, 6) == worst_mistakes(perfect, 1, 6) == []
