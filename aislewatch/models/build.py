"""Builds a network from its configuration, and loads a trained one from its folder."""

import inspect
from pathlib import Path
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from aislewatch.config.learning import Precision
from aislewatch.config.params import Params
from aislewatch.errors import ConfigError, ModelError
from aislewatch.files import whole_folder
from aislewatch.frames.feature_bytes import SIDE
from aislewatch.frames.light import LEAST_LIGHT
from aislewatch.models.encoder import pooled_side
from aislewatch.models.features import FeatureInput, mirror_image
from aislewatch.models.input import CHANNELS, ClipInput, ClipViews
from aislewatch.models.people_form import PeopleForm, read_people_form
from aislewatch.models.regions import ByRegion
from aislewatch.models.rows import ROWS, NetworkClass
from aislewatch.models.sizes import Network
from aislewatch.tables import places

# Every network's class by the name that config.json gives it.
NETWORKS: dict[str, NetworkClass] = {
    network.architecture: network for network in (row.network_class() for row in ROWS)
}

# Class names in the order of the labels 0 and 1.
CLASSES: tuple[Literal["normal"], Literal["shoplifting"]] = ("normal", "shoplifting")
WEIGHTS_FILE = "weights.safetensors"
CONFIG_FILE = "config.json"


class ModelConfig(BaseModel):
    """All that is needed to build a network again and to feed it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    architecture: str  # a key of NETWORKS
    model: Network
    frame_size: int  # pixels a side of a stored frame of a whole picture
    n_frames: int  # frames in a clip
    step: int  # store frames from one clip frame to the next
    fps: int  # store frames per second
    people: PeopleForm | None = None  # None: a clip shows the whole picture
    # Mean luminance to which a darker clip is brought (ClipInput); models of 0.1.0 have none.
    least_light: float = 0.0

    @property
    def span(self) -> int:
        """Count the store frames from a clip's first to its last, both included."""
        return (self.n_frames - 1) * self.step + 1

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Return rows and columns of a frame as the network takes it, uint8."""
        if self.people is None:
            return self.frame_size * 3 // 2, self.frame_size
        if self.model.encoder == "detector":
            return 2 * len(self.people.regions) * self.people.channels, SIDE * SIDE
        return self.people.shape

    @field_validator("architecture")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in NETWORKS:
            raise ValueError(f"no network is called so; there are {', '.join(NETWORKS)}")
        return value


def model_config(architecture: str, network: Network, params: Params) -> ModelConfig:
    """Return the configuration of a network on clips as segment cuts them, frames as stored."""
    return ModelConfig(
        architecture=architecture,
        model=network,
        frame_size=params.frames.size,
        n_frames=params.segment.n_frames,
        step=params.segment.step,
        fps=params.frames.fps,
        people=None if params.people.detector == "none" else read_people_form(places.PEOPLE_FORM),
        least_light=LEAST_LIGHT,
    )


class Detector(nn.Module):
    """Input transform and network: uint8 frames of the store in, one logit a clip out.

    With ``model.mirrors`` a clip's logit is the mean of itself and its mirror image, wherever it is
    scored; training learns from one of them at a time.
    """

    def __init__(self, config: ModelConfig, network: nn.Module) -> None:
        super().__init__()
        self.config = config
        self.input = _input(config)
        # A CNN is shown the first region alone; in all else a frame is shown whole.
        self._shown_rows = config.frame_shape[0]
        if config.people is not None and config.model.encoder == "cnn":
            self._shown_rows //= len(config.people.regions)
        self.network = network
        # Divides the logits: fitted on validation once training is over, and saved with the
        # weights, so that training, evaluation, the ONNX graph and detection share one score.
        self.register_buffer("temperature", torch.ones(()))
        self.temperature: Tensor
        self.precision: Precision = "float32"  # of the arithmetic; weights are always float32

    def forward(
        self,
        yuv_BTKW: Tensor,
        views: ClipViews | None = None,
        seeds_B: Tensor | None = None,
        shares_B: Tensor | None = None,
    ) -> Tensor:
        """Compute logits (B,), float32; their sigmoid is the calibrated probability of shoplifting.

        Args:
            yuv_BTKW: uint8 (B, T, 3/2 S, S), packed I420 frames of the store; behind a detector
                its features (B, T, 2 C, P), see ``FeatureInput``.
            views: augmentation, while training only.
            seeds_B: int64, what each clip's dropout is drawn from, while training only.
            shares_B: each clip's share in its mixture with the one before it, while training only;
                ``yuv_BTKW`` and ``views`` then have one clip more, before the first.
        """
        x_BTCHW = self.input(yuv_BTKW[:, :, : self._shown_rows], views)
        if shares_B is not None:
            weights = shares_B.to(x_BTCHW.dtype)[:, None, None, None, None]
            x_BTCHW = torch.lerp(x_BTCHW[:-1], x_BTCHW[1:], weights)
        if self.config.model.mirrors and not self.training:
            if isinstance(self.input, FeatureInput):
                m_BTCHW = self.input(mirror_image(yuv_BTKW))
            else:
                m_BTCHW = x_BTCHW.flip(-1)
            both = self._logits(torch.cat([x_BTCHW, m_BTCHW]), None).float()
            return both.reshape(2, -1).mean(0) / self.temperature
        return self._logits(x_BTCHW, seeds_B).float() / self.temperature

    def _logits(self, x_BTCHW: Tensor, seeds_B: Tensor | None) -> Tensor:
        # No context at all where none is needed: an exported graph would hold it.
        if self.precision == "float32":
            logits_B: Tensor = self.network(x_BTCHW, seeds_B)
            return logits_B
        with torch.autocast(x_BTCHW.device.type, torch.bfloat16):
            logits_B = self.network(x_BTCHW, seeds_B)
        return logits_B


def build(config: ModelConfig) -> Detector:
    """Build a network with fresh weights, drawn from torch's global generator.

    Raises:
        ConfigError: the encoder's poolings leave no pixel of the input.
    """
    model = Detector(config, _network(config))
    # On a CPU convolutions over few channels run twice as fast channels-last (a training step of
    # the demo's ConvLSTM 54 against 123 ms on two cores).
    for parameter in model.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return model


def _input(config: ModelConfig) -> ClipInput | FeatureInput:
    sizes = config.model
    if config.people is not None and sizes.encoder == "detector":
        regions = len(config.people.regions)
        sides = regions * config.people.channels, regions * sizes.hidden_channels
        return FeatureInput(*sides, sizes.norm, regions)
    return ClipInput(config.frame_shape[1], sizes.input_size, sizes.input, config.least_light)


def _network(config: ModelConfig) -> nn.Module:
    """Give the network what its constructor names of the sizes in params.yaml."""
    network, sizes, in_channels = NETWORKS[config.architecture], config.model, CHANNELS
    if sizes.encoder == "detector":
        # The detector has looked at each frame already; what it says comes on its own grid.
        sizes = sizes.model_copy(update={"encoder_channels": [], "input_size": SIDE})
        in_channels = sizes.hidden_channels
    wanted = {name for name in inspect.signature(network).parameters if name != "in_channels"}
    levels = len(sizes.encoder_channels)
    if "encoder_channels" in wanted and not pooled_side(sizes.input_size, levels + 1):
        raise ConfigError(
            f"model.input_size {sizes.input_size} is too small for {levels} levels of "
            "model.encoder_channels and the last pooling, which halve it once each; use at least "
            f"{2 ** (levels + 1)}"
        )
    arguments = {"in_channels": in_channels} | {name: getattr(sizes, name) for name in wanted}
    regions = 1 if config.people is None else len(config.people.regions)
    if regions == 1 or sizes.encoder == "cnn":
        return network(**arguments)
    return ByRegion(network(**arguments) for _ in range(regions))


def save_model(folder: Path, model: Detector) -> None:
    """Write weights and configuration as ``folder``, whole or not at all, always the same bytes."""
    weights = {name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()}
    with whole_folder(folder) as temporary:
        save_file(weights, temporary / WEIGHTS_FILE)
        # Of what later releases added, a network that is as before says nothing: the same bytes.
        config = model.config.model_dump_json(indent=2, exclude_defaults=True)
        (temporary / CONFIG_FILE).write_text(config + "\n")


def load_model(folder: Path) -> Detector:
    """Load the network that ``save_model`` wrote, on the CPU, in evaluation mode.

    Raises:
        ModelError: a file is missing, corrupt, or does not fit the other.
    """
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise ModelError(f"{folder / name} is missing; train the model again")
    try:
        config = ModelConfig.model_validate_json((folder / CONFIG_FILE).read_bytes())
        weights = load_file(folder / WEIGHTS_FILE)
    except ValidationError as error:
        raise ModelError(f"{folder / CONFIG_FILE} is corrupt: {error}; train it again") from None
    except SafetensorError as error:
        raise ModelError(f"{folder / WEIGHTS_FILE} is corrupt: {error}; train it again") from None
    model = build(config)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelError(
            f"{folder / WEIGHTS_FILE} does not fit {CONFIG_FILE}: {error}; train it again"
        ) from None
    return model.eval()
