"""A YOLOX file is understood by its structure; any other file is refused with what to do."""

from pathlib import Path

import onnx
import pytest

from aislewatch.errors import ModelError
from aislewatch.people.network import read_yolox
from tests.people.tiny_detector import CHANNELS, SIDE, tiny_detector


def test_the_levels_are_what_enters_each_head(tiny: Path) -> None:
    yolox = read_yolox(tiny)
    assert (yolox.side, yolox.input, yolox.output) == (SIDE, "images", "output")
    assert [(level.channels, level.stride) for level in yolox.levels] == [
        *zip(CHANNELS, (8, 16, 32), strict=True)
    ]


def test_names_do_not_matter(tiny: Path, tmp_path: Path) -> None:
    model = onnx.load(str(tiny))
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [f"x{abs(hash(name))}" if "tiny" in name else name for name in names]
    for tensor in model.graph.initializer:
        tensor.name = f"x{abs(hash(tensor.name))}"
    onnx.save(model, str(tmp_path / "other.onnx"))
    found = read_yolox(tmp_path / "other.onnx")
    assert [level.channels for level in found.levels] == list(CHANNELS)


def test_the_real_detector_is_understood(nano: Path) -> None:
    yolox = read_yolox(nano)
    assert yolox.side == 416
    assert [level.channels for level in yolox.levels] == [64, 128, 256]


def test_a_missing_file_names_the_commands(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is missing; .* `aislewatch pretrained fetch`"):
        read_yolox(tmp_path / "none.onnx")


def test_what_is_no_onnx_file_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"<html>404</html>", b"\x08\x07\x12"):
        (tmp_path / "no.onnx").write_bytes(content)
        with pytest.raises(ModelError, match=r"no\.onnx is no (ONNX file|YOLOX detector) .*fetch"):
            read_yolox(tmp_path / "no.onnx")


def test_another_network_is_refused(tiny: Path, tmp_path: Path) -> None:
    yolox = read_yolox(tiny)
    part = onnx.utils.Extractor(onnx.shape_inference.infer_shapes(yolox.model)).extract_model(
        [yolox.input], [yolox.levels[1].tensor]
    )
    onnx.save(part, str(tmp_path / "part.onnx"))
    with pytest.raises(ModelError, match="is no YOLOX detector with three levels"):
        read_yolox(tmp_path / "part.onnx")


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cut.onnx").write_bytes(tiny_detector().SerializeToString()[:3000])
    with pytest.raises(ModelError, match=r"cut\.onnx is no"):
        read_yolox(tmp_path / "cut.onnx")
