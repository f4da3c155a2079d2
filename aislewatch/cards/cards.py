"""Writes model card and data card (Mitchell et al. 2019; Gebru et al. 2021) from the facts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from aislewatch.alerts.rule import AlertRule, rule_in_words
from aislewatch.cards.rendering import COLUMNS, INPUTS, environment
from aislewatch.config.params import Params
from aislewatch.models.rows import BY_NAME
from aislewatch.score.scored import Dataset

if TYPE_CHECKING:
    # Its module measures networks, with torch and ONNX Runtime: 2 s of CPU to import.
    from aislewatch.models.facts import ModelFacts

SECONDS_AN_HOUR = 3600.0

# Cameras that the data card lists, those of the most videos: a table that one still reads.
LISTED_CAMERAS = 30


@dataclass(frozen=True)
class AtRegistration:
    """Holds what differs from run to run, and is known when a model is registered.

    ``digest`` of the version; what it costs to run and took to make, ``cpu`` and ``training`` in
    words.
    """

    digest: str
    facts: "ModelFacts"
    onnx_difference: float
    cpu: str
    training: str


def model_card(
    summary: Mapping[str, Any],
    dataset: Dataset,
    params: Params,
    registered: AtRegistration | None = None,
) -> str:
    """Write the model card, Markdown.

    Args:
        summary: ``metrics/evaluate.json``; its ``selected`` model is described.
        dataset: the tables it was trained and tested on.
        params: sections frames and evaluate.
        registered: left out of the evaluation's report, whose bytes must repeat.
    """
    selected = summary["selected"]
    chosen = summary["models"][selected]
    return (
        environment("aislewatch.cards")
        .get_template("model_card.md.j2")
        .render(
            title=BY_NAME[selected].title,
            inputs=INPUTS,
            metrics=COLUMNS,
            summary=summary,
            chosen=chosen,
            rule=rule_in_words(AlertRule.model_validate(chosen["operating"]["rule"])),
            confidence=f"{params.evaluate.confidence:.0%}",
            data=data_facts(dataset, params),
            registered=registered,
        )
    )


def data_card(dataset: Dataset, params: Params) -> str:
    """Write the data card, Markdown."""
    template = environment("aislewatch.cards").get_template("data_card.md.j2")
    return template.render(data=data_facts(dataset, params))


def data_facts(dataset: Dataset, params: Params) -> dict[str, Any]:
    """Collect what both cards say of the dataset."""
    camera = dataset.videos.set_index("video")["camera"]
    catalog = dataset.catalog.assign(camera=dataset.catalog["video"].map(camera))
    splits = dataset.splits
    sides = [
        {
            "name": side,
            "videos": int(own["video"].nunique()),
            "clips": len(own),
            "positives": int(own["label"].sum()),
        }
        for side in ("train", "val", "test")
        for own in (splits[splits["split"] == side],)
    ]
    cameras = _parts(catalog, "camera", dataset.annotations)
    cameras.sort(key=lambda part: (-part["videos"], part["name"]))
    return {
        "videos": len(catalog),
        "hours": float(catalog["duration_s"].sum()) / SECONDS_AN_HOUR,
        "cameras": len(cameras),
        "sources": sorted(set(catalog["source"])),
        "fps_low": float(catalog["fps"].min()),
        "fps_high": float(catalog["fps"].max()),
        "height_low": int(catalog["height"].min()),
        "height_high": int(catalog["height"].max()),
        "store_fps": params.frames.fps,
        "store_size": params.frames.size,
        "sides": sides,
        "per_source": _parts(catalog, "source", dataset.annotations),
        "per_camera": cameras[:LISTED_CAMERAS],
    }


def _parts(catalog: pd.DataFrame, by: str, annotations: pd.DataFrame) -> list[dict[str, Any]]:
    """Count the videos of each value of a column, and what happens in them."""
    stolen = annotations[annotations["label"] == "shoplifting"]
    with_events = set(stolen["video"])
    return [
        {
            "name": name,
            "videos": len(own),
            "hours": float(own["duration_s"].sum()) / SECONDS_AN_HOUR,
            "cameras": int(own["camera"].nunique()),
            "events": int(stolen["video"].isin(set(own["video"])).sum()),
            "normal": int((~own["video"].isin(with_events)).sum()),
        }
        for name, own in catalog.groupby(by)
    ]


def training_cost(seconds: float, device: str) -> str:
    """Say how long a training took; in GPU-hours where a GPU did it."""
    if pd.isna(seconds):
        return "an unknown time: its result came from the cache"
    if device == "cuda":
        return f"{seconds / SECONDS_AN_HOUR:.3g} GPU-hours"
    return f"{seconds:.0f} s on the CPU, no GPU"
