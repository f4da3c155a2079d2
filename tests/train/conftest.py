"""Fixtures that several files here share."""

import pytest

from aislewatch.models.scoring import set_up_compute
from aislewatch.train.data import TrainingData, load_training_data
from tests.tiny_clips import (
    write_store,
)
from tests.train.small_training import params_of


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    folder = tmp_path_factory.mktemp("store")
    write_store(folder)
    set_up_compute(params_of().machine)
    return load_training_data(
        folder / "data/dataset/splits.parquet", folder / "data/dataset/frames"
    )
