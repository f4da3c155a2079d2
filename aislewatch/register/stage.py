"""Register the model chosen on validation; promote it when it is not worse than the champion."""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aislewatch.cards.cards import AtRegistration, data_card, model_card, training_cost
from aislewatch.config.params import Params
from aislewatch.files import read_output, sha256_file, sha256_tree, write_json
from aislewatch.frames.batches import read_batches
from aislewatch.models.build import ModelConfig, load_model
from aislewatch.models.facts import ModelFacts, processor
from aislewatch.models.scoring import clip_addresses, set_up_compute, source_of
from aislewatch.recording.origin import made_by
from aislewatch.recording.waiting import drain
from aislewatch.register.bundle import CARD, DATA_CARD, DETECTOR, OPERATING, OWN
from aislewatch.register.consent import apply_verdict
from aislewatch.register.decision import Verdict
from aislewatch.register.export import Examples
from aislewatch.register.gate import challenge
from aislewatch.register.lock import sole_change
from aislewatch.register.packaging import Packed, pack
from aislewatch.register.stored import find_faults, restore
from aislewatch.register.verdict import write_verdict
from aislewatch.register.versions import Registered, Registry
from aislewatch.score.scored import Dataset, Scored, read_scored
from aislewatch.tables import places
from aislewatch.tables.ingest import CATALOG
from aislewatch.tables.split import SPLITS
from aislewatch.tables.validate import ANNOTATIONS, VIDEOS
from aislewatch.tracking.execution import find_or_make_execution
from aislewatch.tracking.journal import Journal

log = logging.getLogger(__name__)

# Real clips that the registered graph is compared with torch on; none of them is stored.
EXAMPLE_CLIPS = 4


def work(params: Params, journal: Journal) -> None:
    """Make or find the version, compare it with the champion, set the aliases."""
    chosen = read_output(places.SELECTED, "model", "operating")
    selected = chosen["model"]
    folder = places.model_folder(selected)
    dataset = Dataset(SPLITS.read(), CATALOG.read(), ANNOTATIONS.read(), VIDEOS.read())
    scores = read_scored(selected, dataset)
    with _own_part(folder, chosen["operating"], Path(params.people.weights)) as own:
        digest = sha256_tree(own)
        with sole_change(params.register_.name):
            version, verdict = _offer(own, digest, scores, dataset, params)
    log.info("%s: %s", "champion" if verdict.promote else "stays challenger", verdict.reason)
    write_verdict(f"{selected}, version {version.version}", verdict, places.PROMOTION_PAGE)
    journal.artifact(places.PROMOTION_PAGE)
    tags = {"model": selected, "version": version.version, "digest": digest}
    journal.tags(verdict.as_tags() | tags)
    journal.metrics(verdict.numbers)
    write_json(places.REGISTRATION, {"name": version.name, "model": selected, "digest": digest})
    journal.digest(places.REGISTRATION)


def _offer(
    own: Path, digest: str, scores: Scored, dataset: Dataset, params: Params
) -> tuple[Registered, Verdict]:
    """Return the version with these bytes, made if there is none, after the gate's decision."""
    registry = Registry(params.register_.name)
    version = registry.find(digest)
    if version is None:
        version = _add(registry, own, digest, dataset, params)
        log.info("registered %s version %s", version.name, version.version)
    else:
        log.info("version %s of %s has these very weights", version.version, version.name)
        _restore_where_damaged(registry, version, own, dataset, params)
    verdict = challenge(registry, version, own, scores, dataset, sha256_file(SPLITS.path), params)
    verdict = apply_verdict(registry, version, verdict, params.register_, datetime.now(UTC))
    numbers = {key: f"{value:.6g}" for key, value in verdict.numbers.items()}
    registry.set_version_tags(version, verdict.as_tags() | numbers)
    return version, verdict


@contextmanager
def _own_part(folder: Path, operating: dict[str, Any], detector: Path) -> Iterator[Path]:
    """Yield a copy of the model with its operating point: what a version's digest is of.

    A model that is shown people brings their detector. Other weights or another threshold make
    another version. Nobody else writes into the copy.
    """
    with tempfile.TemporaryDirectory(prefix="aislewatch-") as scratch:
        own = Path(scratch) / "own"
        shutil.copytree(folder, own)
        write_json(own / OPERATING, operating)
        if load_model(own).config.people is not None:
            shutil.copyfile(detector, own / DETECTOR)
        yield own


def _add(
    registry: Registry, own: Path, digest: str, dataset: Dataset, params: Params
) -> Registered:
    execution = find_or_make_execution()
    drain(execution)
    summary = read_output(places.EVALUATION, "selected")
    selected = summary["selected"]
    folder = places.model_folder(selected)
    weights = sha256_tree(folder)
    run_id = made_by(execution).output(f"train@{selected}", folder, weights)
    with _pack(registry, own, run_id, digest, dataset, params) as packed:
        tags: dict[str, Any] = {
            "digest": digest,
            "weights": weights,
            "manifest": packed.manifest,
            "model": selected,
            "onnx_difference": f"{packed.difference:.2e}",
        }
        found = summary["models"][selected]
        figures = found["test"] | {"alert_share": found["alerts"]["alert_share"]}
        tags |= {f"test.{name}": f"{value}" for name, value in figures.items()}
        tags |= {f"size.{name}": f"{value:.6g}" for name, value in asdict(packed.facts).items()}
        version = registry.add(packed.folder, run_id, tags)
        registry.describe(version, (packed.folder / OWN / CARD).read_text())
        return version


def _restore_where_damaged(
    registry: Registry, version: Registered, own: Path, dataset: Dataset, params: Params
) -> None:
    faults = find_faults(registry, version)
    if faults:
        log.info("restoring its files: %s", ", ".join(f"{k} ({v})" for k, v in faults.items()))
        with _pack(registry, own, version.run_id, version.digest, dataset, params) as packed:
            restore(registry, version, packed.folder, packed.manifest)


def _pack(
    registry: Registry, own: Path, run_id: str, digest: str, dataset: Dataset, params: Params
) -> AbstractContextManager[Packed]:
    trained = training_cost(registry.run_seconds(run_id), set_up_compute(params.machine).type)
    examples = _examples(load_model(own).config, dataset)
    summary = read_output(places.EVALUATION, "selected")

    def write_cards(facts: ModelFacts, difference: float) -> dict[str, str]:
        measured = AtRegistration(digest, facts, difference, processor(), trained)
        card = model_card(summary, dataset, params, measured)
        return {CARD: card, DATA_CARD: data_card(dataset, params)}

    return pack(own, examples, write_cards)


def _examples(config: ModelConfig, dataset: Dataset) -> Examples:
    """Read test clips as the network takes them, and as the registered graph is given them."""
    clips, source = dataset.splits, source_of(config)
    views = source.views_of(clips[clips["split"] == "test"], config.span).head(EXAMPLE_CLIPS)

    def read(folder: Path, shape: tuple[int, int]) -> NDArray[np.uint8]:
        addresses = [clip_addresses(views)]
        return next(read_batches(folder, addresses, config.n_frames, config.step, shape)).copy()

    taken_BTKW = read(source.folder, config.frame_shape)
    if config.people is None or source.folder != places.FEATURES:
        return Examples(taken_BTKW)
    return Examples(read(places.SQUARES, config.people.shape), taken_BTKW)
