"""A small project whose films show bright squares, and the stages that look for them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from aislewatch.config.params import load_params
from aislewatch.ingest.stage import work as take_in
from aislewatch.people.stage import work
from aislewatch.tables import places
from aislewatch.tracking.journal import Journal
from tests.code_closure import ROOT
from tests.people.pictures import Place, write_film
from tests.people.tiny_detector import write_tiny

SQUARE = 32
REGIONS = ["person", "upper"]


def make_shop(folder: Path, detector: str = "yolox", **people: Any) -> Path:
    """Make a project with the tiny detector; ``people`` are keys of that section."""
    write_tiny(folder / places.DETECTOR / "tiny.onnx")
    values = yaml.safe_load((ROOT / "params.yaml").read_text()) | {"sources": {"shop": "folder"}}
    values["frames"] = {"fps": 10, "size": SQUARE}
    values["alerts"]["consecutive"] = 2
    values["machine"]["ingest_workers"] = 1
    values["people"] = {
        "detector": detector,
        "weights": str(places.DETECTOR / "tiny.onnx"),
        "square": SQUARE,
        "every": 2,
        "regions": REGIONS,
    } | people
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    return folder


def film(shop: Path, name: str, frames: list[list[Place]], **options: Any) -> Path:
    return write_film(shop / places.RAW / "shop/normal" / name, frames, **options)


def walk(n: int = 24, step: int = 2, top: int = 16, start: int = 0) -> list[list[Place]]:
    """Someone who walks from left to right."""
    return [[(start + step * frame, top)] for frame in range(n)]


def run_both(shop: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the work of ingest and of track there, which becomes the working folder."""
    monkeypatch.chdir(shop)
    take_in(load_params(), Journal(shop / "other.jsonl"))
    return run_track(shop)


def run_track(shop: Path) -> dict[str, Any]:
    """Run the work of track alone; return what it noted: metrics and digests."""
    journal = shop / "journal.jsonl"
    journal.unlink(missing_ok=True)
    work(load_params(), Journal(journal))
    noted: dict[str, Any] = {}
    for entry in map(json.loads, journal.read_text().splitlines()):
        noted |= entry["values"] if entry["kind"] == "metrics" else {entry["path"]: entry["sha256"]}
    return noted


def squares(file: str) -> NDArray[np.uint8]:
    """Read a way's squares, uint8 (F, 3/2 R S, S)."""
    content = np.fromfile(places.SQUARES / file, np.uint8)
    return content.reshape(-1, len(REGIONS) * SQUARE * 3 // 2, SQUARE)


def entries() -> dict[str, float]:
    """Return the store's entries, and when each was made."""
    return {
        folder.name: folder.stat().st_mtime
        for folder in places.PEOPLE_STORE.iterdir()
        if (folder / "facts.json").exists()
    }
