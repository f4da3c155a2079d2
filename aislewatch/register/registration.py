"""registration.json: what the register stage states, and whether the registry still agrees.

Without MLflow until the registry is really asked, so that a look at the file costs nothing.
"""

import json

from aislewatch.errors import RegistryError
from aislewatch.recording.address import check_store
from aislewatch.tables.places import REGISTRATION


def read_registration() -> dict[str, str]:
    """Read what registration.json states: ``name``, ``model`` (architecture) and ``digest``.

    Raises:
        RegistryError: nothing is registered yet, or the file is damaged.
    """
    try:
        stated: dict[str, str] = json.loads(REGISTRATION.read_text())
    except FileNotFoundError:
        raise RegistryError("nothing is registered yet; run `dvc repro` (or `make demo`)") from None
    except (ValueError, RecursionError):
        stated = {}
    if not isinstance(stated, dict) or not stated.keys() >= {"name", "digest"}:
        raise RegistryError(f"{REGISTRATION} is damaged; remove it and run `dvc repro`")
    return stated


def forget_stale_registration() -> bool:
    """Remove registration.json when the registry lacks the version it states, so that DVC reruns.

    Returns:
        Whether it was stale.
    """
    if not REGISTRATION.exists():
        return False
    stated = read_registration()
    check_store()
    from aislewatch.register.versions import Registry

    if Registry(stated["name"]).find(stated["digest"]) is not None:
        return False
    REGISTRATION.unlink()
    return True
