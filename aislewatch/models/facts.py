"""Measures size and speed of a network as it is served, for its card."""

import platform
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

# Timed runs of one clip, after one that is not timed; a median of 20 moves by some per cent on a
# busy machine, and they take seconds even for a network of 10 GFLOP.
RUNS = 20


@dataclass(frozen=True)
class ModelFacts:
    """Size and speed of a network."""

    parameters: int  # trained numbers
    graph_bytes: int  # of the ONNX file, which is all that serving needs
    gflop: float  # floating-point operations a clip, in thousand millions: products and sums
    latency_ms: float  # of one clip by ONNX Runtime on one core of this machine


def model_facts(
    network: nn.Module, graph: Path, taken_TKW: NDArray[np.uint8], given_TKW: NDArray[np.uint8]
) -> ModelFacts:
    """Count and time one network.

    Args:
        network: logits (B,) from uint8 clips; left in evaluation mode, on the CPU.
        graph: what ``export_onnx`` wrote of it.
        taken_TKW: one clip as the network takes it, uint8.
        given_TKW: the same as the graph is given it.
    """
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network.cpu().eval()(torch.from_numpy(taken_TKW)[None])
    return ModelFacts(
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        graph_bytes=graph.stat().st_size,
        gflop=counter.get_total_flops() / 1e9,
        latency_ms=1e3 * _latency_s(one_core_session(graph), given_TKW),
    )


def processor() -> str:
    """Name this machine's processor as its maker does, where the system says it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or "unknown processor"


def one_core_session(graph: Path) -> onnxruntime.InferenceSession:
    """Open ONNX Runtime on one thread, as a server that scores a camera a core runs it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def _latency_s(session: onnxruntime.InferenceSession, clip_TKW: NDArray[np.uint8]) -> float:
    seconds = []
    for _ in range(1 + RUNS):
        began = time.perf_counter()
        session.run(None, {"yuv": clip_TKW[None]})
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:])
