"""Writes and reads a network's scores, and the facts about the network beside them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from aislewatch.files import whole_folder
from aislewatch.score.scored import Dataset, Scored, scored
from aislewatch.tables import places
from aislewatch.tables.score import scores_of

FACTS = "model.json"


def write_scores(name: str, facts: Mapping[str, Any], clips: pd.DataFrame) -> Path:
    """Write a network's scores and facts, whole or not at all; return their folder.

    Args:
        name: of the network.
        facts: as ``describe_model`` returns them.
        clips: as ``score_model`` returns them.
    """
    table = scores_of(name)
    with whole_folder(table.path.parent) as folder:
        table.at(folder / table.path.name).write(clips[table.names])
        (folder / FACTS).write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n")
    return table.path.parent


def read_scored(name: str, dataset: Dataset) -> Scored:
    """Read a network's scores.

    Raises:
        TableError: there are none, or they are damaged.
    """
    clips = scores_of(name).read()
    facts = json.loads((places.scores_folder(name) / FACTS).read_text())
    return scored(name, facts, clips, dataset)
