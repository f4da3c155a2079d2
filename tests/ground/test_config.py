"""params.yaml: what is shipped is valid, what is wrong is refused with the key's name."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from aislewatch.cli.main import main
from aislewatch.config.data import FEWEST_FRAMES
from aislewatch.config.params import load_params, parse_params
from aislewatch.config.releases import GONE, NEW, RENAMED
from aislewatch.errors import ConfigError
from aislewatch.models.sizes import network_of
from tests.code_closure import ROOT

# The numbers that params.yaml states itself, since the demo's footage got longer.
OF_THE_SIZE = {"input_size": None, "encoder_channels": None}
# The sections whose values have changed with it since release 0.1.0.
FOR_LONGER_FOOTAGE = ("model", "tune", "train", "alerts", "frames", "learning")


@pytest.fixture
def values() -> Any:
    return yaml.safe_load((ROOT / "params.yaml").read_text())


def test_the_shipped_file_is_valid() -> None:
    params = load_params(ROOT / "params.yaml")
    assert params.segment.n_frames >= 16
    assert (params.split.train, params.split.val, params.split.test) == (0.70, 0.15, 0.15)
    params.segment.refuse_short_clips()


def test_clips_below_the_papers_are_refused_before_anything_runs(
    values: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values["segment"]["n_frames"] = FEWEST_FRAMES - 1
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"segment\.n_frames is 15.*16 to 32"):
        main(["preflight"])


@pytest.mark.parametrize(
    ("section", "key", "value", "says"),
    [
        ("train", "epoch", 3, "train.epoch: unknown key"),
        ("train", "epochs", "3", "train.epochs: Input should be a valid integer (got '3')"),
        ("train", "epochs", 0, "train.epochs: Input should be greater than or equal to 1"),
        ("train", "optimizer", "sgd", "train.optimizer: Input should be 'tuned' or 'paper'"),
        ("segment", "n_frames", 1, "segment.n_frames"),
        ("segment", "n_frames", 33, "segment.n_frames"),
        ("segment", "negative_overlap", 0.9, "(0.9) must be below positive_overlap (0."),
        ("split", "train", 0.9, "must add up to 1, not to 1.2"),
        ("split", "recording_suffix", "(", "not a regular expression"),
        ("model", "kernel_size", 4, "must be odd"),
        ("model", "input", "flow", "model.input"),
        ("register", "name", "a/b", "register.name"),
        ("model", "size", "huge", "Input should be 'demo', 'small_gpu' or 'reference'"),
        ("search", "lr", [0.1], "search.lr"),
        ("machine", "tune_workers", 0, "machine.tune_workers"),
    ],
)
def test_a_wrong_value_is_refused_by_name(
    values: Any, section: str, key: str, value: Any, says: str
) -> None:
    values[section][key] = value
    with pytest.raises(ConfigError, match="problem") as caught:
        parse_params(values, "params.yaml")
    assert says in str(caught.value)


@pytest.mark.parametrize("name", ["/etc", "..", "a/../../b", "a/b", ".hidden", ""])
def test_a_source_stays_inside_the_raw_folder(values: Any, name: str) -> None:
    values["sources"] = {name: "folder"}
    with pytest.raises(ConfigError, match="sources"):
        parse_params(values, "params.yaml")


@pytest.mark.parametrize(
    ("sources", "says"),
    [
        (["shop", "tills"], "      shop: folder\n      tills: folder\n"),
        ("shop", "      myshop: folder\n"),
        (None, "      myshop: folder\n"),
        ({}, "at least 1 item"),
        ({"shop": "voc"}, "sources.shop: Input should be 'folder', 'table'"),
        ({"shop": None}, "sources.shop: Input should be 'folder', 'table'"),
        ({2024: "folder"}, 'put the name 2024 in quotes, as in "2024": folder'),
    ],
)
def test_each_source_has_a_layout(values: Any, sources: Any, says: str) -> None:
    values["sources"] = sources
    with pytest.raises(ConfigError, match="sources") as caught:
        parse_params(values, "params.yaml")
    assert says in str(caught.value)


def test_all_problems_are_told_at_once(values: Any) -> None:
    del values["frames"]
    values["seed"] = 1.5
    values["nonsense"] = True
    with pytest.raises(ConfigError, match=r"3 problem") as caught:
        parse_params(values, "params.yaml")
    assert all(word in str(caught.value) for word in ("frames", "seed", "nonsense"))


def test_a_missing_or_broken_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="missing"):
        load_params(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("a: [")
    with pytest.raises(ConfigError, match=r"not valid YAML: .* in line 2, column 1; correct that"):
        load_params(tmp_path / "params.yaml")


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_file_in_another_encoding_is_told(tmp_path: Path, encoding: str) -> None:
    """Windows' editor writes UTF-16 where somebody chose "Unicode"."""
    text = (ROOT / "params.yaml").read_text() + "# Straße\n"
    (tmp_path / "params.yaml").write_bytes(text.encode(encoding, errors="replace"))
    with pytest.raises(ConfigError, match="no text in UTF-8; save it as such"):
        load_params(tmp_path / "params.yaml")


def test_numbers_are_read_as_dvc_reads_them(tmp_path: Path) -> None:
    """``1e-3`` is a number for DVC and a string for YAML 1.1."""
    text = (ROOT / "params.yaml").read_text().replace("[5.0e-4, 1.0e-2]", "[5e-4, 1e-2]")
    assert "[5e-4, 1e-2]" in text
    (tmp_path / "params.yaml").write_text(text)
    assert load_params(tmp_path / "params.yaml").search.lr == [5e-4, 1e-2]


# Files of older releases


def lookup(values: Any, key: str) -> Any:
    for part in key.split("."):
        values = values[part]
    return values


def move(values: Any, old: str, new: str | None) -> None:
    """Take the value of a key away, and put it where another key is."""
    *sections, last = old.split(".")
    section = lookup(values, sections[0]) if sections else values
    value = section.pop(last)
    if not section:
        del values[sections[0]]
    if new is not None:
        *sections, last = new.split(".")
        (values.setdefault(sections[0], {}) if sections else values)[last] = value


def test_whoever_does_what_the_messages_say_has_brought_an_old_file_over() -> None:
    """The file that release 0.1.0 shipped: every line names what to do, and no line is missing."""
    shipped_values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values = yaml.safe_load((Path(__file__).parent / "params_0_1_0.yaml").read_text())
    with pytest.raises(ConfigError, match="problem") as caught:
        parse_params(values, "params.yaml")
    for line in str(caught.value).splitlines()[1:]:
        key, said = line.strip().split(": ", 1)
        if renamed := re.fullmatch(r"is (\S+) now; move its value there", said):
            move(values, key, renamed[1])
        elif re.fullmatch(r"is gone, because .*; remove it", said):
            move(values, key, None)
        else:
            assert said.startswith("missing")
            *sections, name = key.split(".")
            (lookup(values, sections[0]) if sections else values)[name] = lookup(
                shipped_values, key
            )
    brought, shipped = parse_params(values, "params.yaml"), load_params(ROOT / "params.yaml")
    of_the_size = shipped.model.model_copy(update=OF_THE_SIZE)
    assert network_of(brought.model) == network_of(of_the_size)
    of_the_shop = {name: getattr(shipped, name) for name in FOR_LONGER_FOOTAGE}
    assert brought.model_copy(update=of_the_shop) == shipped


def test_the_table_of_old_keys_leads_to_keys_that_are_there(values: Any) -> None:
    for new in (*RENAMED.values(), *NEW):
        lookup(values, new)
    for old in (*RENAMED, *GONE):
        with pytest.raises(KeyError):
            lookup(values, old)


def test_a_section_that_is_gone_names_each_of_its_keys(values: Any) -> None:
    values["compute"] = {"threads": 2, "cores": 2}
    with pytest.raises(ConfigError, match="2 problem") as caught:
        parse_params(values, "params.yaml")
    assert "compute.threads: is machine.threads now" in str(caught.value)
    assert "compute.cores: unknown key" in str(caught.value)


# Sizes of the networks


def test_the_demos_size_is_what_release_0_1_0_shipped() -> None:
    old = yaml.safe_load((Path(__file__).parent / "params_0_1_0.yaml").read_text())["model"]
    shipped = load_params(ROOT / "params.yaml").model.model_copy(update=OF_THE_SIZE)
    assert network_of(shipped).model_dump(exclude_defaults=True) == old
