"""Runs graphs that are in no file."""

import tempfile
from pathlib import Path
from typing import Any

import onnx

from aislewatch.people.graphs import open_session


def session_of(graph: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(graph, f"{folder}/graph.onnx")
        return open_session(Path(folder) / "graph.onnx")
