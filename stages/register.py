"""Register the model chosen on validation; promote it when it is not worse than the champion."""

import json
import logging
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislewatch.config import Params
from aislewatch.evaluation.ledger import record_test_use
from aislewatch.evaluation.promotion import (
    Verdict,
    already_champion,
    compare,
    first_champion,
    not_comparable,
)
from aislewatch.files import sha256_file, sha256_tree, write_json
from aislewatch.footage.batches import read_batches
from aislewatch.models.build import Detector, load_model
from aislewatch.registry.packaging import build_bundle
from aislewatch.registry.registration import REGISTRATION
from aislewatch.registry.versions import CHALLENGER, CHAMPION, Registered, Registry
from aislewatch.scoring import clip_addresses, score_clips, set_up_compute
from aislewatch.tracking.execution import find_or_make_execution
from aislewatch.tracking.journal import Journal
from aislewatch.tracking.origin import made_by
from aislewatch.tracking.recorder import drain
from stages.runner import run_stage

log = logging.getLogger(__name__)

FRAMES = Path("data/frames")
SPLITS = Path("data/splits.parquet")
SELECTED = Path("models/selected.json")
EVALUATION = Path("metrics/evaluate.json")
CHAMPION_FILES = Path(".aislewatch/champion")

# Real clips that the registered graph is compared on and that show a user its input.
EXAMPLE_CLIPS = 4


def main() -> None:
    """``python -m stages.register``, as dvc.yaml runs it."""
    run_stage("register", ["compute", "evaluate", "register"], work)


def work(params: Params, journal: Journal) -> None:
    """Make or find the version, compare it with the champion, set the aliases."""
    selected = json.loads(SELECTED.read_text())["model"]
    folder = Path("models") / selected
    digest = sha256_tree(folder)
    splits = pd.read_parquet(SPLITS)
    test = splits[splits["split"] == "test"].reset_index(drop=True)
    registry = Registry(params.register_.name)
    version = registry.find(digest)
    if version is None:
        version = _add(registry, selected, folder, digest, test)
        log.info("registered %s version %s (%s)", version.name, version.version, selected)
    else:
        log.info("version %s of %s has these very weights", version.version, version.name)
    registry.set_alias(CHALLENGER, version)
    verdict = _gate(params, registry, version, folder, test)
    if verdict.promote:
        registry.set_alias(CHAMPION, version)
    log.info("%s: %s", "champion" if verdict.promote else "stays challenger", verdict.reason)
    promoted = {"promoted": str(verdict.promote).lower(), "verdict": verdict.reason}
    registry.tag(version, promoted | {key: f"{x:.6g}" for key, x in verdict.numbers.items()})
    journal.tags(promoted | {"model": selected, "version": version.version, "digest": digest})
    journal.metrics(verdict.numbers)
    write_json(REGISTRATION, {"name": version.name, "model": selected, "digest": digest})
    journal.digest(REGISTRATION)


def _add(
    registry: Registry, selected: str, folder: Path, digest: str, test: pd.DataFrame
) -> Registered:
    execution = find_or_make_execution()
    drain(execution)
    run_id = made_by(execution).output(f"train@{selected}", folder, digest)
    figures = json.loads(EVALUATION.read_text())["models"][selected]["test"]
    with tempfile.TemporaryDirectory() as scratch:
        bundle = Path(scratch) / "model"
        manifest, difference = build_bundle(folder, _examples(load_model(folder), test), bundle)
        log.info("ONNX agrees with torch to %.1e", difference)
        tags: dict[str, Any] = {
            "digest": digest,
            "manifest": manifest,
            "model": selected,
            "onnx_difference": f"{difference:.2e}",
        } | {f"test.{name}": f"{value}" for name, value in figures.items()}
        return registry.add(bundle, run_id, tags)


def _examples(model: Detector, clips: pd.DataFrame) -> NDArray[np.uint8]:
    config = model.config
    addresses = [clip_addresses(clips.head(EXAMPLE_CLIPS))]
    batches = read_batches(FRAMES, addresses, config.n_frames, config.step, config.frame_size)
    return next(batches).copy()


def _gate(
    params: Params, registry: Registry, version: Registered, folder: Path, test: pd.DataFrame
) -> Verdict:
    """Score both on today's test clips; neither is compared by a number stored in the past."""
    champion = registry.by_alias(CHAMPION)
    if champion is None:
        return first_champion()
    if champion.digest == version.digest:
        return already_champion()
    theirs = load_model(registry.fetch(champion, CHAMPION_FILES))
    ours = load_model(folder)
    for name in ("frame_size", "n_frames", "step", "fps"):
        if getattr(theirs.config, name) != getattr(ours.config, name):
            return not_comparable(
                f"{name} {getattr(theirs.config, name)}, now {getattr(ours.config, name)}"
            )
    challenger_scores = _scored(params, ours, version.digest, test)
    champion_scores = _scored(params, theirs, champion.digest, test)
    return compare(challenger_scores, champion_scores, params.register_.margin, params.evaluate)


def _scored(params: Params, model: Detector, digest: str, test: pd.DataFrame) -> pd.DataFrame:
    record_test_use("register", digest, sha256_file(SPLITS))
    scores = score_clips(model, test, FRAMES, set_up_compute(params.compute))
    return test[["video", "label"]].assign(score=scores)


if __name__ == "__main__":
    main()
