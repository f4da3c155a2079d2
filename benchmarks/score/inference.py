"""Clips a second a core: ONNX Runtime in float32 and int8, torch eager and compiled, bfloat16.

python -m benchmarks.score.inference       in the project's root, after `make demo`; some minutes
python -m benchmarks.score.inference --reference   an untrained network at 16 × 128 × 128 instead

Every way runs on one thread and is charged its CPU time. Agreement is with torch's eager float32,
on clips of the test split (random ones for the reference); int8 is calibrated on training clips.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from aislewatch.frames.batches import read_batches
from aislewatch.models.build import Detector, ModelConfig, build, load_model
from aislewatch.models.facts import model_facts, one_core_session
from aislewatch.models.scoring import clip_addresses, source_of
from aislewatch.models.sizes import SIZES, Network
from aislewatch.register.export import Examples, Probability, export_onnx
from aislewatch.tables import places
from aislewatch.tables.split import SPLITS
from benchmarks.rounds import machine, medians

ROUNDS = 5
BATCH = 16
CALIBRATION_CLIPS = 64
TEST_CLIPS = 256

Clips = NDArray[np.uint8]
Way = Callable[[Clips], NDArray[np.float32]]


class Calibration(CalibrationDataReader):  # type: ignore[misc]
    """Hands clips to ONNX Runtime's quantizer, one at a time."""

    def __init__(self, clips_BTKW: Clips) -> None:
        self._clips: Iterator[Clips] = iter(clips_BTKW[:, None])

    def get_next(self) -> dict[str, Clips] | None:
        """The next clip."""
        clip = next(self._clips, None)
        return None if clip is None else {"yuv": clip}


def quantize(graph: Path, clips_BTKW: Clips) -> Path:
    """Convolutions in int8, a scale a channel; the input's scaling and the gates stay float32."""
    prepared, quantized = graph.with_suffix(".prepared.onnx"), graph.with_suffix(".int8.onnx")
    quant_pre_process(str(graph), str(prepared), skip_symbolic_shape=True)
    quantize_static(
        str(prepared),
        str(quantized),
        Calibration(clips_BTKW),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv"],
        per_channel=True,
        weight_type=QuantType.QInt8,
    )
    return quantized


def with_onnx(graph: Path) -> Way:
    """Run a graph on one thread."""
    session = one_core_session(graph)
    return lambda clips_BTKW: session.run(None, {"yuv": clips_BTKW})[0]


def with_torch(graph: Callable[[torch.Tensor], torch.Tensor], dtype: torch.dtype) -> Way:
    """Run torch's network, its convolutions in ``dtype``."""

    def probabilities(clips_BTKW: Clips) -> NDArray[np.float32]:
        lower = torch.autocast("cpu", torch.bfloat16, enabled=dtype is torch.bfloat16)
        with torch.inference_mode(), lower:
            return graph(torch.from_numpy(clips_BTKW)).float().numpy()

    return probabilities


def project_model() -> tuple[Detector, Clips, Clips]:
    """The project's ConvLSTM, clips to calibrate on and clips to judge by."""
    model = load_model(places.model_folder("convlstm"))
    config = model.config
    clips = SPLITS.read()

    def read(split: str, count: int) -> Clips:
        of_split = clips[clips["split"] == split]
        some = of_split.sample(min(count, len(of_split)), random_state=0)
        addresses = [clip_addresses(some)]
        return next(
            read_batches(
                source_of(config).folder,
                addresses,
                config.n_frames,
                config.step,
                config.frame_shape,
            )
        )

    return model, read("train", CALIBRATION_CLIPS), read("test", TEST_CLIPS)


def reference_model() -> tuple[Detector, Clips, Clips]:
    """The network of the speed figures, untrained, and random clips."""
    network = Network(input="diff", **SIZES["reference"])
    config = ModelConfig(
        architecture="convlstm", model=network, frame_size=128, n_frames=16, step=1, fps=10
    )
    torch.manual_seed(0)
    clips = np.random.default_rng(0).integers(0, 256, (32, 16, 192, 128), np.uint8)
    return build(config).eval(), clips[:16], clips[16:]


def main() -> None:
    """Print what a card would say, and the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--reference", action="store_true")
    model, calibration, judged = (
        reference_model() if parser.parse_args().reference else project_model()
    )
    torch.set_num_threads(1)
    graph = Probability(model).eval()
    compiled = torch.compile(graph, dynamic=False)
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "model.onnx"
        export_onnx(model, Examples(judged[:2]), file)
        int8 = quantize(file, calibration)
        print(
            model_facts(model, file, judged[0], judged[0]),
            f"int8 graph: {int8.stat().st_size} bytes",
        )
        ways: dict[str, Way] = {
            "torch eager float32": with_torch(graph, torch.float32),
            "torch eager bfloat16": with_torch(graph, torch.bfloat16),
            "torch compiled float32": with_torch(compiled, torch.float32),
            "torch compiled bfloat16": with_torch(compiled, torch.bfloat16),
            "ONNX Runtime float32": with_onnx(file),
            "ONNX Runtime int8": with_onnx(int8),
        }
        compare(ways, judged)


def compare(ways: dict[str, Way], judged: Clips) -> None:
    """Agreement on all clips, then speed by turns."""
    batches = np.split(judged, range(BATCH, len(judged), BATCH))
    if len(batches[-1]) < BATCH:
        del batches[-1]  # another size would be compiled anew
    scores = {
        way: np.concatenate([score(batch) for batch in batches]) for way, score in ways.items()
    }
    exact, *_ = scores.values()
    jobs = {way: partial(score, batches[0]) for way, score in ways.items()}
    for way, cost in medians(jobs, ROUNDS).items():
        print(
            f"{way:24s} {BATCH / cost.cpu_s:8.1f} clips/s a core, "
            f"largest difference of a score {np.abs(scores[way] - exact).max():.1e}, "
            f"decisions changed {np.mean((scores[way] > 0.5) != (exact > 0.5)):.1%}"
        )
    print(f"{len(exact)} clips judged; medians of {ROUNDS} interleaved rounds; {machine()}")


if __name__ == "__main__":
    main()
