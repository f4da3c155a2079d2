"""Every error a user can cause, in one tree.

AislewatchError
├── ConfigError          a key or value in params.yaml is wrong
├── FootageError         a file or folder of footage cannot be used
│   └── QuarantinedError one video was refused; carries the reason for the quarantine table
├── LabelError           a label file is wrong, or disagrees with the footage
├── TableError           a table of the pipeline is missing, damaged or not as declared
├── SplitError           the footage cannot be split as asked
├── TrainingError        training cannot start or go on
├── ModelError           a stored model is missing, corrupt or does not fit
├── RegistryError        the model registry lacks something, or refuses it
├── ProvenanceError      a run's code, parameters or data cannot be brought back
├── DeskError            the review desk cannot be opened, or cannot do what was asked
└── PipelineError        DVC, Prefect or a stage's surroundings are not as needed

A message says what was wrong, where (file, row, second) and what to do.
"""


class AislewatchError(Exception):
    """Base of all errors with a message meant for the person who runs the pipeline."""


class ConfigError(AislewatchError):
    """A key or value in params.yaml is wrong."""


class FootageError(AislewatchError):
    """A file or folder of footage cannot be used."""


class QuarantinedError(FootageError):
    """One video was refused.

    Args:
        reason: short machine-readable reason, for example ``"truncated"``.
        detail: what is wrong with it, with the decoder's own words in brackets.
        remedy: what to do about it, with the command where there is one.
    """

    def __init__(self, reason: str, detail: str, remedy: str) -> None:
        super().__init__(f"{reason}: {detail} -> {remedy}")
        self.reason = reason
        self.detail = detail
        self.remedy = remedy


class LabelError(AislewatchError):
    """A label file is wrong, or disagrees with the footage."""


class TableError(AislewatchError):
    """A table of the pipeline is missing, damaged or not as declared."""


class SplitError(AislewatchError):
    """The footage cannot be split as asked."""


class TrainingError(AislewatchError):
    """Training cannot start or go on."""


class ModelError(AislewatchError):
    """A stored model is missing, corrupt or does not fit."""


class RegistryError(AislewatchError):
    """The model registry lacks something, or refuses it."""


class ProvenanceError(AislewatchError):
    """A run's code, parameters or data cannot be brought back."""


class PipelineError(AislewatchError):
    """DVC, Prefect or a stage's surroundings are not as needed."""


class DeliveryError(AislewatchError):
    """The outbox of alerts cannot be read or written."""


class DeskError(AislewatchError):
    """The review desk cannot be opened, or cannot do what was asked."""
