"""Every registered version, byte for byte: the part of ``fsck`` that asks MLflow."""

from aislewatch.errors import RegistryError
from aislewatch.findings import Finding, remove
from aislewatch.fsck.outputs import REMAKE
from aislewatch.recording.address import database_file, tracking_uri
from aislewatch.register.registration import read_registration
from aislewatch.register.stored import find_faults
from aislewatch.register.versions import Registered, Registry
from aislewatch.tables.places import REGISTRATION

# A repair that is none: what a fault here needs is known only when the outputs are sound.
OTHERS_FIRST = "# repair the files above first, then run `aislewatch fsck` again"


def check_models(name: str, *, outputs_sound: bool) -> tuple[int, list[Finding]]:
    """Count the versions of a registered model, and find their faults.

    The version that models/ holds is registered again, under its old number. Another one cannot be
    made from what is here, and is no use to anybody.

    Args:
        name: of the registered model.
        outputs_sound: whether registration.json and the models may be believed.

    Raises:
        RegistryError: MLflow does not answer.
    """
    database = database_file()
    if database is not None and not database.exists():
        return 0, []
    registry = Registry(name)
    versions = registry.versions()
    try:
        current = read_registration()["digest"]
    except RegistryError:
        current = ""
    findings = []
    for version in versions:
        repair, then = _deletion(version) if outputs_sound else OTHERS_FIRST, ""
        if version.digest == current:
            repair, then = remove(REGISTRATION), REMAKE
        findings += [
            Finding(f"{version.uri}/{file}", fault, repair, then)
            for file, fault in find_faults(registry, version).items()
        ]
    return len(versions), findings


def _deletion(version: Registered) -> str:
    client = f"mlflow.MlflowClient({tracking_uri()!r})"
    call = f"{client}.delete_model_version({version.name!r}, {version.version!r})"
    return f'python -c "import mlflow; {call}"'
