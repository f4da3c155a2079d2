"""Check every registered version byte for byte: the part of ``fsck`` that asks MLflow."""

from aislewatch.errors import RegistryError
from aislewatch.findings import Fault, Finding, remove
from aislewatch.fsck.outputs import REMAKE
from aislewatch.recording.address import database_file, without_password
from aislewatch.register.registration import read_registration
from aislewatch.register.stored import find_faults, place
from aislewatch.register.versions import Registered, Registry
from aislewatch.tables.places import REGISTRATION

# Repairs that are none: a person has to see to it first.
OTHERS_FIRST = "# repair the files above first, then run `aislewatch fsck` again"


def check_models(name: str, *, outputs_sound: bool) -> tuple[int, list[Finding]]:
    """Count the versions of a registered model, and find their faults.

    The version that models/ holds is registered again, under its old number. No version is ever to
    be deleted: what could not be read may be whole, and of a damaged one the rest, its run and its
    number are still of use.

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
        for file, fault in find_faults(registry, version).items():
            repair, then = _advice(registry, version, fault), ""
            if fault is not Fault.UNREADABLE and version.digest == current:
                repair, then = remove(REGISTRATION), REMAKE
            elif fault is not Fault.UNREADABLE and not outputs_sound:
                repair = OTHERS_FIRST
            findings.append(Finding(f"{version.uri}/{file}", fault, repair, then))
    return len(versions), findings


def _advice(registry: Registry, version: Registered, fault: Fault) -> str:
    """Say in a shell's comment what a person can do about a version that is not in models/."""
    address = without_password(_address(registry, version))
    if fault is Fault.UNREADABLE:
        return (
            f"# nothing is known to be lost: {address} could not be read. Start its store, mount "
            "its disk or ask for the right to read it, then run `aislewatch fsck` again"
        )
    if fault is Fault.STRAY:
        return f"# remove this file from {address}; the version itself is as it was registered"
    number = version.version
    return (
        f"# keep the version. Put this back into {address} from a backup, or train the same model "
        f"again from its commit: aislewatch checkout {number} ../version-{number} --run-again"
    )


def _address(registry: Registry, version: Registered) -> str:
    try:
        return place(registry, version)
    except RegistryError:
        return registry.source(version)
