"""Versions of a few bytes in a real MLflow registry, for what is done with any version."""

import shutil
from pathlib import Path

import pytest

from aislewatch.files import sha256_tree
from aislewatch.register.bundle import OWN, write_manifest
from aislewatch.register.versions import Registered, Registry
from tests.code_closure import ROOT

FILES = ("weights.safetensors", "config.json", "operating.json", "model_card.md")


def new_registry(folder: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Make the registry of an empty project, which becomes the working folder."""
    monkeypatch.chdir(folder)
    shutil.copy(empty_store, folder)
    shutil.copy(ROOT / "params.yaml", folder)
    return Registry("aislewatch")


def add_version(registry: Registry, weights: str) -> Registered:
    """Register a bundle whose files all hold ``weights``, trained by a run of its own."""
    bundle = Path("bundles") / weights
    (bundle / OWN).mkdir(parents=True)
    (bundle / "model.onnx").write_text(weights)
    for name in FILES:
        (bundle / OWN / name).write_text(weights)
    run = registry.client.create_run(registry.experiment)
    digest = sha256_tree(bundle / OWN)
    tags = {"digest": digest, "manifest": write_manifest(bundle), "model": "cnn"}
    return registry.add(bundle, run.info.run_id, tags)
