"""Training and inference of the reference network on one GPU, against Keras and plain PyTorch.

The reference network: encoder 32-64-128, a 64-channel ConvLSTM at 16×16, clips of 16 × 128×128 RGB.
Ours is the product's own step, deterministic, from stored I420 frames on the GPU, with its input
transform and augmentation, which the others do not have: they get RGB clips, ready and channels
last, and choose their algorithms freely. Before anything is timed, ours must agree with the float32
network.

python -m benchmarks.train.speed [--batch 64] [--rivals all|torch|none]
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from aislewatch.config.learning import Precision
from aislewatch.config.params import load_params
from aislewatch.models.scoring import set_up_compute
from aislewatch.train.kernels.precision import compute_in
from aislewatch.train.losses import focal_loss
from benchmarks.train.copied import CopiedNet
from benchmarks.train.variants import ENCODER, HIDDEN, SIZE, Ours, Rival, T, Variant, reference

# Timed steps of a round, and rounds; the rounds of all variants are interleaved.
STEPS, ROUNDS = 10, 5


def disagreement(precision: Precision) -> tuple[float, float]:
    """‖difference‖ / ‖float32‖ of logits and of the gradient, on eight random clips."""
    torch.manual_seed(0)
    model = reference("float32").cuda()
    yuv_BTKW = torch.randint(0, 256, (8, T, SIZE * 3 // 2, SIZE), dtype=torch.uint8).cuda()
    found = []
    for used in ("float32", precision):
        compute_in(model, used).zero_grad()
        logits_B = model(yuv_BTKW)
        focal_loss(logits_B, (torch.arange(8, device="cuda") % 2).float(), 2.0).backward()
        gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
        found.append((logits_B.detach(), gradient))
    (l_ref, g_ref), (l_got, g_got) = found
    return float((l_got - l_ref).norm() / l_ref.norm()), float(
        (g_got - g_ref).norm() / g_ref.norm()
    )


def set_mode(deterministic: bool) -> None:
    """As ``set_up_compute`` sets torch for the product, or free to choose the fastest."""
    torch.use_deterministic_algorithms(deterministic)
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = not deterministic


def seconds(action: Callable[[], None], steps: int = STEPS) -> float:
    """Seconds of one action on the GPU, over ``steps`` of them back to back."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(steps):
        action()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1e3 / steps


def measure(variants: dict[str, Variant], batch: int) -> dict[str, dict[str, float]]:
    """Clips a second of every variant, training and inference: medians of interleaved rounds."""
    times: dict[tuple[str, str], list[float]] = {}
    for number in range(ROUNDS + 1):
        for name, variant in variants.items():
            set_mode(variant.deterministic)
            for kind, action in (("training", variant.train), ("inference", variant.infer)):
                took = seconds(action)
                if number:  # the first round warms up
                    times.setdefault((name, kind), []).append(took)
    found: dict[str, dict[str, float]] = {}
    for (name, kind), took in times.items():
        found.setdefault(name, {})[kind] = batch / statistics.median(took)
    return found


def ceilings() -> tuple[float, float]:
    """What the card reaches: bytes/s of a large copy (read and write counted), bf16 FLOP/s."""
    source = torch.randn(2**29, device="cuda")
    target = torch.empty_like(source)
    a, b, c = (torch.randn(8192, 8192, device="cuda").bfloat16() for _ in range(3))
    copy = statistics.median(seconds(lambda: target.copy_(source)) for _ in range(ROUNDS))
    product = statistics.median(seconds(lambda: torch.mm(a, b, out=c)) for _ in range(ROUNDS))
    return 2 * source.nbytes / copy, 2 * 8192**3 / product


def levels() -> list[tuple[int, int, int]]:
    """Channels in, channels out and pixels of a frame's convolutions, the recurrent one last."""
    pixels, channels = SIZE * SIZE, 3
    found = []
    for after in ENCODER:
        found.append((channels, after, pixels))
        channels, pixels = after, pixels // 4
    return [*found, (channels, 4 * HIDDEN, pixels), (HIDDEN, 4 * HIDDEN, pixels)]


def flop_of_a_clip() -> tuple[float, float]:
    """Floating-point operations of training and of inference: the convolutions' products.

    Backward they are twice as many, but for the first level, whose input needs no gradient.
    """
    products = [2 * 9 * before * after * pixels for before, after, pixels in levels()]
    return T * (3 * sum(products) - products[0]), T * sum(products)


def bytes_of_a_clip() -> tuple[float, float]:
    """Bytes of training and of inference if every layer's output (bf16) is written and read once.

    So does the backward pass with each gradient, and reads the output again: five passes to two.
    A kernel that computes several layers at once moves less.
    """
    outputs = [2 * after * pixels for _, after, pixels in levels()]
    pooled = [size // 4 for size in outputs[: len(ENCODER)]]
    state = outputs[-1] // 4
    total = sum(outputs) + sum(pooled) + 2 * state
    return T * 5 * total, T * 2 * total


def keras(batch: int) -> dict[str, dict[str, float]]:
    """Clips a second of Keras on JAX, measured in a process of its own."""
    script = Path(__file__).parent / "keras_rival.py"
    command = [sys.executable, str(script), str(batch), str(STEPS)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return {f"Keras ConvLSTM2D on JAX, {kind}": speeds for kind, speeds in found.items()}


OURS = "ours, bf16_fused"


def variants(batch: int, rivals: bool) -> dict[str, Variant]:
    """Everything torch runs here."""
    found: dict[str, Variant] = {OURS: Ours("bf16_fused", batch)}
    if not rivals:
        return found
    found["ours, bf16"] = Ours("bf16", batch)
    found["ours, float32"] = Ours("float32", batch)
    for name, bf16 in (("float32", False), ("bf16", True)):
        copied = CopiedNet(SIZE, ENCODER, HIDDEN)
        found[f"PyTorch as widely copied, {name}"] = Rival(copied, bf16, batch)
    plain = reference("float32").network
    found["our network by torch.compile, bf16"] = Rival(plain, True, batch, compiled=True)
    return found


def main() -> None:
    """Check, time, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rivals", choices=["all", "torch", "none"], default="all")
    arguments = parser.parse_args()
    # First, so that a Keras that does not run is known before anything else is measured.
    theirs = keras(arguments.batch) if arguments.rivals == "all" else {}
    set_up_compute(load_params().machine)
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, batch {arguments.batch}")
    bandwidth, rate = ceilings()
    print(f"ceilings: copy {bandwidth / 1e12:.2f} TB/s, bf16 product {rate / 1e12:.0f} TFLOP/s")
    for precision in ("bf16_fused", "bf16"):
        forward, gradient = disagreement(precision)
        print(f"{precision} from float32: logits {forward:.1e}, gradient {gradient:.1e}")
    speeds = measure(variants(arguments.batch, arguments.rivals != "none"), arguments.batch)
    print_table(speeds | theirs, bandwidth, rate)


def print_table(speeds: dict[str, dict[str, float]], bandwidth: float, rate: float) -> None:
    """One line a variant: clips/s, our ratio to it, TFLOP/s, GB/s, share of the floor."""
    for number, kind in enumerate(("training", "inference")):
        flop, moved = flop_of_a_clip()[number], bytes_of_a_clip()[number]
        floor = 1 / max(flop / rate, moved / bandwidth)
        print(
            f"\n{kind}: {flop / 1e9:.1f} GFLOP and {moved / 1e6:.0f} MB a clip, floor "
            f"{floor:,.0f} clips/s\n\n| variant | clips/s | ours against it | TFLOP/s | GB/s | "
            "share of the floor |\n|---|---|---|---|---|---|"
        )
        for name, found in speeds.items():
            speed = found[kind]
            print(
                f"| {name} | {speed:,.0f} | {speeds[OURS][kind] / speed:.2f} | "
                f"{speed * flop / 1e12:.0f} | {speed * moved / 1e9:.0f} | {speed / floor:.0%} |"
            )


if __name__ == "__main__":
    main()
