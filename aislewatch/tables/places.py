"""Names every path of the pipeline once, relative to the project's root.

``dvc.yaml`` names the same paths, for DVC reads no Python; a test holds the two against each other.
"""

from pathlib import Path

DATA = Path("data")
METRICS = Path("metrics")
REPORTS = Path("reports")
MODELS = Path("models")

# What people put there.
RAW = DATA / "raw"
# In a source's folder: its videos that lie on S3.
REMOTE_LIST = "remote.csv"
# The source that `aislewatch desk publish` writes: what reviewers said of footage they watched.
JUDGED = "desk"
ASSIGNMENTS = DATA / "assignments.csv"
PRETRAINED = DATA / "pretrained"
DETECTOR = DATA / "detector"

# What networks learn from and are judged on: the work of three stages, which others read as one.
DATASET = DATA / "dataset"

# ingest
FRAMES = DATASET / "frames"
CATALOG = DATASET / "catalog.parquet"
EVERY_PICTURE = DATA / "fingerprints"
FINGERPRINTS = EVERY_PICTURE / "fingerprints.parquet"
PICTURE_TIMES = EVERY_PICTURE / "picture_times.parquet"
QUARANTINE = DATA / "quarantine.csv"

# track
PEOPLE = DATASET / "people"
SQUARES = PEOPLE / "squares"
FEATURES = PEOPLE / "features"
TRACKS = PEOPLE / "tracks.parquet"
TRACKED = PEOPLE / "tracked.parquet"
PEOPLE_FORM = PEOPLE / "form.json"  # with a detector only

# validate
LABELS = DATA / "labels"
ANNOTATIONS = LABELS / "annotations.parquet"
VIDEOS = LABELS / "videos.parquet"
DUPLICATES = LABELS / "duplicates.csv"
VALIDATION = DATA / "validation.csv"
# No outputs of DVC: they must be there to be read when the stage fails.
READABLE_VALIDATION = REPORTS / "validation.csv"
DATA_DOCS = REPORTS / "data_docs"
CONTRADICTIONS_PAGE = REPORTS / "contradictions/index.html"

# segment
CLIPS = DATA / "clips.parquet"
SEGMENT_METRICS = METRICS / "segment.json"

# split
SPLITS = DATASET / "splits.parquet"
BRIDGES = DATA / "bridges.csv"
LEAK_REPORT = DATA / "leak_report.json"
SPLIT_METRICS = METRICS / "split.json"
# No output of DVC: figures of the reference model differ in their last bits between machines.
SPLIT_PAGE = REPORTS / "split/index.html"

# tune
BEST = DATA / "best.json"
TRAINING = DATA / "training.json"
STUDY_PICTURES = REPORTS / "tune"

# train
CURVES = METRICS / "curves"

# score
SCORES = DATA / "scores"

# evaluate
SELECTED = MODELS / "selected.json"
EVALUATION = METRICS / "evaluate.json"
MODEL_TABLE = METRICS / "table.csv"
PREDICTIONS = METRICS / "predictions.csv"
EVALUATION_REPORT = REPORTS / "evaluate"
ROC = EVALUATION_REPORT / "roc.csv"
PR = EVALUATION_REPORT / "pr.csv"
CONFUSION = EVALUATION_REPORT / "confusion.csv"
# No outputs of DVC: they hold times and grow.
TEST_USES = REPORTS / "test_uses.csv"
TEST_USES_PAGE = REPORTS / "test_uses.html"

# register
REGISTRATION = Path("registration.json")
# No output of DVC: which champion it was compared with depends on the registry.
PROMOTION_PAGE = REPORTS / "promotion"

# What `aislewatch monitor` found; no output of DVC.
MONITOR = Path("monitor")
DRIFT = MONITOR / "drift.json"

# Work files, which no commit and no output of DVC holds.
WORK = Path(".aislewatch")
STORE = WORK / "store"
PEOPLE_STORE = WORK / "people"
CHECKPOINTS = WORK / "checkpoints"
PROFILES = WORK / "profiles"


def model_folder(model: str) -> Path:
    """Return the folder of a trained network: its weights and its ``config.json``."""
    return MODELS / model


def scores_folder(model: str) -> Path:
    """Return the folder of a network's scores, and of what is known of the network itself."""
    return SCORES / model


def facts_of(model: str) -> Path:
    """Return the file of what is known of a scored network."""
    return scores_folder(model) / "model.json"


def training_metrics(model: str) -> Path:
    """Return the file of what a training achieved on validation."""
    return METRICS / "train" / f"{model}.json"


def curve(model: str) -> Path:
    """Return the file of a training's learning curve."""
    return CURVES / f"{model}.csv"
