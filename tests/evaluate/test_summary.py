"""Choice of a model, tables and the ledger."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aislewatch.errors import ModelError
from aislewatch.evaluate.metrics import clip_metrics
from aislewatch.evaluate.outputs import table_frame
from aislewatch.evaluate.selection import Validation, choose
from aislewatch.evaluate.summary import as_json
from aislewatch.models.rows import BY_NAME, ROWS
from aislewatch.report.model_table import render_table
from aislewatch.score import ledger
from aislewatch.score.scored import Scored
from tests.simulated_scores import evaluated, five_models, scored, simulated


def test_choice_is_by_auc_then_loss_then_name() -> None:
    nan = math.nan
    assert choose({"a": Validation(0.8, 0.9), "b": Validation(0.9, 2.0)}) == "b"
    assert choose({"a": Validation(0.9, 0.9), "b": Validation(0.9, 0.5)}) == "b"
    assert choose({"b": Validation(0.9, 0.5), "a": Validation(0.9, 0.5)}) == "a"
    assert choose({"a": Validation(nan, 0.9), "b": Validation(nan, 0.5)}) == "b"
    with pytest.raises(ModelError, match="run the train stage"):
        choose({})


def test_test_labels_never_choose() -> None:
    models = five_models(np.random.default_rng(5))
    chosen = evaluated(*models).selected
    for flip in (lambda label: 1 - label, lambda label: 0 * label, lambda label: 0 * label + 1):
        turned = []
        for model in models:
            label = model.predictions["label"]
            is_test = model.predictions["split"] == "test"
            clips = model.predictions.assign(label=label.where(~is_test, flip(label)))
            turned.append(Scored(model.name, model.facts, clips, model.whole))
        assert evaluated(*turned).selected == chosen


def test_summary_is_valid_json_even_when_nothing_is_defined() -> None:
    one_class = simulated(4, 3, np.random.default_rng(0)).assign(label=0)
    evaluation = evaluated(scored("cnn", one_class, one_class))
    text = json.dumps(as_json(evaluation), allow_nan=False)
    assert json.loads(text)["models"]["cnn"]["test"]["auc"] is None
    assert sum("one class only" in warning for warning in evaluation.warnings) == 2
    assert "–" in render_table(json.loads(text))


def test_a_warning_counts_events_that_the_rule_cannot_see() -> None:
    """Three clips of 1.6 s in a row can speak of 2.4 s; the videos' only events last 2 s or 16."""
    for event_s, too_brief in ((2.0, 20), (16.0, 0)):
        model = scored("cnn", *(simulated(40, 6, np.random.default_rng(1)) for _ in range(2)))
        videos = [
            replace(video, events=tuple((0.0, event_s) for _ in video.events))
            for video in model.whole["test"]
        ]
        found = evaluated(replace(model, whole={**model.whole, "test": videos}))
        assert found.models[0].alerts.too_brief == too_brief
        said = [warning for warning in found.warnings if "shorter than the alert rule" in warning]
        assert [warning.split()[:3] for warning in said] == [["20", "of", "20"]] * bool(too_brief)


def test_the_table_stands_beside_the_papers() -> None:
    table = table_frame(as_json(evaluated(*five_models(np.random.default_rng(0)))))
    assert table["model"].tolist() == list(BY_NAME)
    assert table["f1_paper"].tolist() == [0.79, 0.76, 0.84, 0.91, 0.91]
    assert (table["auc_low"] <= table["auc"]).all()


def test_the_share_of_time_in_alert_stands_in_both_tables() -> None:
    summary = as_json(evaluated(*five_models(np.random.default_rng(0))))
    shares = [0.0, 0.0123, 0.4567, 1.0, None]
    for name, share in zip(BY_NAME, shares, strict=True):
        summary["models"][name]["alerts"]["alert_share"] = share
    table = table_frame(summary)
    assert table["alert_share"].replace(math.nan, None).tolist() == shares
    lines = [line for line in render_table(summary).splitlines() if "│" in line]
    shown = [line.rstrip(" │").split()[-1] for line in lines if "[" in line]
    assert shown == ["0.0", "1.2", "45.7", "100.0", "–"]


def test_curves_are_told_apart_without_colour() -> None:
    assert len({row.dashes for row in ROWS}) == len({row.colour for row in ROWS}) == len(ROWS)


def test_slices_are_of_their_videos_alone() -> None:
    models = five_models(np.random.default_rng(0))
    report = evaluated(*models)
    chosen = next(model for model in models if model.name == report.selected)
    test = chosen.side("test")
    at_door = {name for i, name in enumerate(sorted(set(test["video"]))) if i // 2 % 2 == 0}
    door, till = report.slices
    assert {door.name, till.name} == {"door", "till"}
    part = door if door.name == "door" else till
    expected = clip_metrics(test[test["video"].isin(at_door)])
    assert part.metrics["auc"].value == expected["auc"]
    assert part.metrics["auc"].low < expected["auc"] < part.metrics["auc"].high
    assert door.videos + till.videos == report.test_videos
    assert door.alerts.events + till.alerts.events == report.chosen().alerts.events


def test_ledger_counts_every_use(tmp_path: Path) -> None:
    assert ledger.read_test_uses(tmp_path) == []
    assert ledger.record_test_use("evaluate", "a" * 64, "s" * 64, tmp_path) == 1
    assert ledger.record_test_use("register", "b" * 64, "s" * 64, tmp_path) == 2
    assert ledger.record_test_use("evaluate", "a" * 64, "t" * 64, tmp_path) == 1
    uses = ledger.read_test_uses(tmp_path)
    assert [use["stage"] for use in uses] == ["evaluate", "register", "evaluate"]
    assert {use["split"] for use in uses} == {"s" * 64, "t" * 64}
    page = (tmp_path / "test_uses.html").read_text()
    assert page.count("<tr>") == 4  # a heading and three uses
    assert "ssssssssssss</code>: 2 uses" in page
