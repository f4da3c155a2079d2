"""All real footage through the ingest stage; the siblings of these tests make their footage."""

import shutil
from pathlib import Path

import av
import pandas as pd
import pytest

from aislewatch.config.params import load_params
from aislewatch.frames.signatures import read_fingerprints
from aislewatch.tables.ingest import FINGERPRINTS
from aislewatch.validate.copies.find import find_copies
from tests.code_closure import ROOT
from tests.footage_samples import make_project, run_stage

THRESHOLD = load_params(ROOT / "params.yaml").validate_.duplicate_share

# Clips of one recording each, which the corpus has as two: looked at side by side, aligned in time,
# they show the same gestures of the same person to the frame.
LOOKED_AT = [
    ("shoplifting/Shoplifting_068_part3", "shoplifting/Shoplifting_121_part1"),
    ("shoplifting/Shoplifting_068_part1", "shoplifting/Shoplifting_122_part2"),
    ("shoplifting/Shoplifting_127_part3", "shoplifting/Shoplifting_128_part1"),
    ("shoplifting/Shoplifting_126_part1", "shoplifting/Shoplifting_127_part1"),
    ("shoplifting/Shoplifting_072_part1", "shoplifting/Shoplifting_131_part2"),
    ("shoplifting/Shoplifting_071_part1", "shoplifting/Shoplifting_128_part3"),
    ("normal/Normal_009_f2", "normal/Normal_085_f1"),
    ("normal/Normal_008_f1", "normal/Normal_080_f2"),
    ("normal/Normal_021_f2", "normal/Normal_061_f2"),
]


@pytest.fixture(scope="module")
def corpus_project(corpus, tmp_path_factory):
    """The stage run on all real footage, at the shipped frame size."""
    project = make_project(tmp_path_factory.mktemp("corpus"), "real", size=128)
    for part in ("mnnit", "cctv", "broken"):
        shutil.copytree(corpus / part, project / "data/raw/real" / part)
    run = run_stage(project)
    assert run.returncode == 0, run.stderr
    return project


def displayed_width(path: Path) -> int:
    """Width of a video's pictures with square pixels."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return round(stream.codec_context.width * (stream.sample_aspect_ratio or 1))


@pytest.mark.corpus
def test_all_ordinary_real_videos_are_accepted(corpus, corpus_project):
    catalog = pd.read_parquet(corpus_project / "data/dataset/catalog.parquet").set_index("video")
    manifest = pd.read_csv(corpus / "manifest.csv").set_index("path")
    ordinary = manifest[~manifest.index.str.startswith("broken/")]
    assert len(ordinary) == 301
    accepted = catalog.loc["real/" + ordinary.index]
    for column in ("sha256", "codec"):
        assert list(accepted[column]) == list(ordinary[column])
    # The manifest has pixels; ours are as displayed, and ten recordings have pixels of 4:3.
    shown = [displayed_width(corpus / name) for name in ordinary.index]
    assert list(accepted["width"]) == shown
    assert (pd.Series(shown, ordinary.index) != ordinary["width"]).sum() == 10
    seconds = ordinary["duration_s"].to_numpy()
    assert (abs(accepted["n_frames"].to_numpy() / 10 - seconds) < 0.2).all()


@pytest.mark.corpus
def test_shared_footage_of_the_corpus_is_found(corpus, corpus_project):
    videos = read_fingerprints(FINGERPRINTS.at(corpus_project / FINGERPRINTS.path))
    copies = find_copies({name.removeprefix("real/"): one for name, one in videos.items()})
    found = {(copy.a, copy.b) for copy in copies if copy.share >= THRESHOLD}
    listed = pd.read_csv(corpus / "near_duplicates.csv")
    over_half = listed[listed["frac_frames_shared"] > 0.5]
    half = set(zip(over_half["a"], over_half["b"], strict=True))
    assert len(half) == 22
    assert half - found == set()
    # A copy in another encoding, and cuts of an original that is in the corpus too.
    shop = "cctv/normal/shopds__shop_lifter_n_4"
    assert (f"{shop}.mp4", f"{shop}_converted.mp4") in found
    original, cut = "cctv/shoplifting/mnnit_orig__Shoplifting (1).mp4", "mnnit/shoplifting/"
    assert {(original, f"{cut}Shoplifting_056_part{part}.mp4") for part in (1, 2)} <= found
    assert not any("broken/" in name for pair in found for name in pair)
    # The corpus's own groups were made by a coarser comparison; of the room's 274 clips at most 1 %
    # may be joined with others than theirs.
    group = pd.read_csv(corpus / "manifest.csv").set_index("path")["source_group"]
    pairs = [(f"mnnit/{a}.mp4", f"mnnit/{b}.mp4") for a, b in LOOKED_AT]
    for a, b in [*zip(listed["a"], listed["b"], strict=True), *pairs]:
        group[group == group[b]] = group[a]
    wrong = [
        pair for pair in found if pair[0].startswith("mnnit") and group[pair[0]] != group[pair[1]]
    ]
    assert len({name for pair in wrong for name in pair}) <= 2, wrong
