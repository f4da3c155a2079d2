"""Networks small enough to watch with in a test, and a registry whose champion they are."""

import shutil
from pathlib import Path

import torch

from aislewatch.alerts.rule import rule_at
from aislewatch.config.params import Params
from aislewatch.files import sha256_tree, write_json
from aislewatch.models.build import ModelConfig, build, save_model
from aislewatch.models.sizes import network_of
from aislewatch.register.bundle import OPERATING, OWN, write_manifest
from aislewatch.register.versions import CHAMPION, Registry


def save_network(folder: Path, params: Params, seed: int, threshold: float) -> Path:
    torch.manual_seed(seed)
    sizes = network_of(params.model)
    config = ModelConfig(architecture="cnn", model=sizes, frame_size=64, n_frames=8, step=1, fps=10)
    save_model(folder, build(config))
    rule = rule_at(params.alerts, threshold)
    write_json(folder / OPERATING, {"rule": rule.model_dump()})
    return folder


def freeze(folder: Path, params: Params, threshold: float) -> None:
    write_json(folder / OPERATING, {"rule": rule_at(params.alerts, threshold).model_dump()})


def register_champion(network: Path) -> None:
    """Register a network in the working folder's store, and make it champion."""
    registry, bundle = Registry("aislewatch"), Path("bundle")
    shutil.copytree(network, bundle / OWN)
    (bundle / "model.onnx").write_text("none")
    run = registry.client.create_run(registry.experiment)
    tags = {"digest": sha256_tree(bundle / OWN), "manifest": write_manifest(bundle), "model": "cnn"}
    registry.set_alias(CHAMPION, registry.add(bundle, run.info.run_id, tags))
