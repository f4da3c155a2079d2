"""What the pipeline registers: which bytes, of which run, again where the registry lost them."""

import json
from pathlib import Path

import pytest
import yaml

from tests.projects import (
    ask,
    mlflow_client,
    run,
    runs,
    stages_run,
)


def test_no_hashed_output_names_a_run_a_place_or_a_version(finished: Path) -> None:
    forbidden = [str(finished), *(r.info.run_id for r in runs(finished, kind="stage"))]
    for entry in yaml.safe_load((finished / "dvc.lock").read_text())["stages"].values():
        for out in entry["outs"]:
            path = finished / out["path"]
            files = [f for f in path.rglob("*") if f.is_file()] if path.is_dir() else [path]
            for file in files:
                content = file.read_bytes()
                assert not any(word.encode() in content for word in forbidden), file
    stated = json.loads((finished / "registration.json").read_text())
    assert set(stated) == {"name", "model", "digest"}


def test_what_the_registry_has_lost_is_registered_again(project: Path) -> None:
    client = mlflow_client(project)
    client.delete_model_version("aislewatch", "1")
    output = run(project, "dvc", "repro")
    assert stages_run(output) == []
    output = ask(project, "preflight")
    assert "register stage will run again" in output
    # An exporter that loses a little: the gate refuses, and the registry stays as it was.
    export = project / "aislewatch/register/export.py"
    right = export.read_text()
    drift = "+ (0.01 if torch.compiler.is_exporting() else 0.0))"
    export.write_text(right.replace("self.network(yuv_BTKW))", f"self.network(yuv_BTKW) {drift}"))
    output = run(project, "dvc", "repro", fails=True)
    assert "the ONNX graph differs from torch by 0.00" in output
    assert client.search_model_versions("name = 'aislewatch'") == []
    export.write_text(right)
    output = run(project, "dvc", "repro")
    assert stages_run(output) == ["register"]
    [version] = client.search_model_versions("name = 'aislewatch'")
    assert (
        version.tags["digest"] == json.loads((project / "registration.json").read_text())["digest"]
    )


def test_registering_the_same_bytes_again_makes_no_version(project: Path) -> None:
    (project / "registration.json").unlink()
    output = run(project, "dvc", "repro")
    assert stages_run(output) == ["register"]
    assert "has these very weights" in output
    assert len(mlflow_client(project).search_model_versions("name = 'aislewatch'")) == 1


def test_the_version_belongs_to_the_run_that_trained_it(finished: Path) -> None:
    [version] = mlflow_client(finished).search_model_versions("name = 'aislewatch'")
    selected = json.loads((finished / "models/selected.json").read_text())["model"]
    [trained] = runs(finished, kind="stage", stage=f"train@{selected}")
    assert version.run_id == trained.info.run_id
    assert version.tags["weights"] == trained.data.tags[f"digest.models/{selected}"]
    sizes = {name: float(x) for name, x in version.tags.items() if name.startswith("size.")}
    assert set(sizes) == {
        f"size.{name}" for name in ("parameters", "graph_bytes", "gflop", "latency_ms")
    }
    assert min(sizes.values()) > 0


@pytest.mark.parametrize("alias", ["champion", "challenger"])
def test_the_registered_model_serves_any_mlflow_user(finished: Path, alias: str) -> None:
    import mlflow
    import numpy as np

    mlflow.set_tracking_uri(f"sqlite:///{finished / 'mlflow.db'}")
    model = mlflow.pyfunc.load_model(f"models:/aislewatch@{alias}")
    example = model.input_example
    assert example is not None
    clips = np.random.default_rng(0).integers(0, 256, (3, 16, 48, 32), dtype=np.uint8)
    scores = model.predict({"yuv": clips})["probability"]
    assert scores.shape == (3,)
    assert ((scores >= 0) & (scores <= 1)).all()
