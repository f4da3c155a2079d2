"""Computing that gives the same bits each time, and shows what was read before it was written."""

import pytest
import torch


def compute_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have torch round alike each time, and fill new memory with NaN."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    torch.use_deterministic_algorithms(True)
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
