"""How often the report's intervals hold the truth: ``python -m benchmarks.evaluate.intervals``.

Simulated clips that share their video's luck (intraclass correlation 0.5, 6 clips a video, either
class by chance), against plain percentile intervals on the same resamples. Per cent of simulations
whose 95 % interval holds the figure of 20,000 videos.
"""

import argparse

import numpy as np

from aislewatch.config.judging import Evaluate
from aislewatch.evaluate.intervals import interval, resampled_metrics
from aislewatch.evaluate.metrics import METRICS, clip_metrics
from tests.simulated_scores import simulated

CONFIDENCE = 0.95


def main() -> None:
    """Print a row a figure and number of videos."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=600)
    simulations = parser.parse_args().simulations
    truth = clip_metrics(simulated(20_000, 6, np.random.default_rng(1), by_chance=True))
    print("| test videos | figure | ours | plain percentiles |\n|---|---|---|---|")
    for n_videos in (30, 60, 100):
        ours, plain = dict.fromkeys(METRICS, 0), dict.fromkeys(METRICS, 0)
        for number in range(simulations):
            clips = simulated(n_videos, 6, np.random.default_rng(1000 + number), by_chance=True)
            settings = Evaluate(resamples=500, confidence=CONFIDENCE, mistakes=2)
            for name, figure in resampled_metrics(clips, settings).items():
                found = interval(figure, CONFIDENCE)
                ours[name] += found.low <= truth[name] <= found.high
                low, high = np.nanquantile(figure.draws, [0.025, 0.975])
                plain[name] += low <= truth[name] <= high
        for name in METRICS:
            shares = (100 * count[name] / simulations for count in (ours, plain))
            print(f"| {n_videos} | {name} | " + " | ".join(f"{s:.1f}" for s in shares) + " |")


if __name__ == "__main__":
    main()
