"""Collects the nodes of an ONNX graph that is written by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from aislewatch.people.network import OPSET

# Version of the file format, of the time of operator set 18; what ONNX Runtime 1.14 reads.
IR_VERSION = 8


class Parts:
    """Nodes and constants; what appends one returns the name of its tensor.

    Args:
        prefix: begins every name, so that graphs can be merged.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.nodes: list[Any] = []
        self._constants: list[Any] = []

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Append a node.

        Args:
            operator: its kind, as ONNX calls it.
            inputs: names of tensors; an empty one leaves an optional input out.
            output: name of what it makes; one of its own where none is given.
            attributes: of the node.
        """
        from onnx import helper

        name = f"{self._prefix}{len(self.nodes)}_{operator}"
        made = output or name
        self.nodes.append(helper.make_node(operator, inputs, [made], name=name, **attributes))
        return made

    def floats(self, value: Any) -> str:
        """Append a constant of float32."""
        return self._constant(np.asarray(value, np.float32))

    def whole(self, numbers: int | Sequence[int]) -> str:
        """Append whole numbers, which tell a shape or a place."""
        return self._constant(np.atleast_1d(np.asarray(numbers, np.int64)))

    def model(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        """Return all as a model with these inputs and outputs (value infos of ONNX)."""
        from onnx import helper

        graph = helper.make_graph(self.nodes, "people", inputs, outputs, self._constants)
        opset = helper.make_opsetid("", OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)

    def _constant(self, value: np.ndarray[Any, Any]) -> str:
        from onnx import numpy_helper

        name = f"{self._prefix}constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(value, name))
        return name
