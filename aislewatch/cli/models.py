"""``aislewatch models``: look at the registered versions, and change which one is champion."""

import argparse
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from aislewatch.config.params import load_params
from aislewatch.console import one_line, plain_console
from aislewatch.errors import ModelError, RegistryError
from aislewatch.recording.address import check_store, shown_uri


def add_models(commands: Any) -> None:
    """Add the subcommands to those of ``aislewatch``."""
    models = commands.add_parser("models", help="registered versions and the champion")
    steps = models.add_subparsers(required=True, metavar="COMMAND")
    steps.add_parser("list", help="all versions, and who made which champion").set_defaults(
        run=_list
    )
    promote = steps.add_parser("promote", help="make a version champion")
    promote.add_argument("version", help="its number")
    promote.add_argument("--why", required=True, help="the reason, for the audit")
    promote.set_defaults(run=_promote)
    rollback = steps.add_parser("rollback", help="make the champion before this one champion again")
    rollback.add_argument("--why", required=True, help="the reason, for the audit")
    rollback.set_defaults(run=_rollback)
    for name, does, run in (
        ("approve", "make a version champion that people were asked about", _approve),
        ("decline", "leave the champion as it is", _decline),
    ):
        answer = steps.add_parser(name, help=f"answer for a version that waits: {does}")
        answer.add_argument("version", help="its number")
        answer.add_argument("--why", required=True, help="the reason, for the audit")
        answer.add_argument("--who", help="your name, for the audit; this user's without it")
        answer.set_defaults(run=run)
    settle = steps.add_parser("settle", help="act on answers given in MLflow, and on deadlines")
    settle.set_defaults(run=_settle)
    verify = steps.add_parser("verify", help="hold every byte and the audit against the registry")
    verify.add_argument("version", nargs="?", help="its number; all of them without one")
    verify.set_defaults(run=_verify)
    card = steps.add_parser("card", help="the model card of a version")
    card.add_argument("version", nargs="?", help="its number; the champion without one")
    card.set_defaults(run=_card)


def _list(chosen: argparse.Namespace) -> None:
    from aislewatch.register.consent import find_question
    from aislewatch.register.history import read_entries

    registry = _registry()
    table = Table(title=f"Registered model {registry.name}", title_justify="left")
    for heading in ("Version", "Aliases", "Model", "Test AUC", "In alert", "Verdict of the gate"):
        table.add_column(heading)
    versions = registry.versions()
    for version in versions:
        tags = registry.version_tags(version)
        table.add_row(
            version.version,
            ", ".join(registry.aliases(version)),
            tags.get("model", ""),
            _figure(tags, "test.auc", ".3f"),
            _figure(tags, "test.alert_share", ".1%"),
            one_line(tags.get("verdict", "")),
        )
    console = plain_console()
    console.print(table)
    if not versions:
        # An address with a slip of the hand names an empty store, too.
        console.print(one_line(f"{shown_uri()} has no version yet; `dvc repro` registers one"))
    question = find_question(registry)
    if question is not None:
        number, until = question.version.version, f"{question.until:%Y-%m-%d %H:%M} UTC"
        answers = f"aislewatch models approve {number} --why ... (or decline)"
        console.print(f"Version {number} waits until {until} for: {answers}")
    for entry in read_entries(registry.model_tags()):
        if entry.action == "decline":
            said = f"{entry.time} {entry.who}: decline {entry.before}: {entry.why}"
            console.print(one_line(said))
            continue
        change = f"{entry.before or 'none'} -> {entry.after}"
        said = f"{entry.time} {entry.who}: {entry.action} {change}: {entry.why}"
        console.print(one_line(said))


def _figure(tags: Mapping[str, str], name: str, form: str) -> str:
    value = tags.get(name, "")
    return "–" if value in ("", "None") else format(float(value), form)


def _promote(chosen: argparse.Namespace) -> None:
    from aislewatch.register.champions import promote
    from aislewatch.register.history import this_person
    from aislewatch.register.lock import sole_change

    registry = _registry()
    with sole_change(registry.name):
        change = promote(registry, registry.get(chosen.version), this_person(), chosen.why)
    if change.entry is None:
        print(f"version {change.version.version} is champion already; nothing was changed")
    else:
        print(f"version {change.version.version} is champion now")


def _rollback(chosen: argparse.Namespace) -> None:
    from aislewatch.register.champions import rollback
    from aislewatch.register.history import this_person
    from aislewatch.register.lock import sole_change

    registry = _registry()
    with sole_change(registry.name):
        change = rollback(registry, this_person(), chosen.why)
    print(f"version {change.version.version} is champion again")
    if change.entry is not None:
        before = change.entry.before
        print(f"version {before} stays off until a person says: aislewatch models promote {before}")


def _approve(chosen: argparse.Namespace) -> None:
    from aislewatch.register.consent import approve

    _answer(chosen, approve)
    print(f"version {chosen.version} is champion now")


def _decline(chosen: argparse.Namespace) -> None:
    from aislewatch.register.consent import decline

    _answer(chosen, decline)
    print(f"version {chosen.version} is declined; the champion stays")


def _answer(chosen: argparse.Namespace, act: Callable[..., None]) -> None:
    from aislewatch.register.history import this_person
    from aislewatch.register.lock import sole_change

    registry = _registry()
    who = one_line(chosen.who or "") or this_person()
    with sole_change(registry.name):
        version = registry.get(chosen.version)
        act(registry, version, who, chosen.why, datetime.now(UTC))


def _settle(chosen: argparse.Namespace) -> None:
    from aislewatch.register.consent import settle
    from aislewatch.register.lock import sole_change

    registry = _registry()
    with sole_change(registry.name):
        done = settle(registry, datetime.now(UTC))
    print(done or "no version waits for what could be done now")


def _verify(chosen: argparse.Namespace) -> None:
    from aislewatch.register.champions import verify, verify_audit

    registry = _registry()
    versions = [registry.get(chosen.version)] if chosen.version else registry.versions()
    faults = 0
    for version in versions:
        fault = verify(registry, version)
        faults += bool(fault)
        print(f"version {version.version}: {fault or 'every byte is as registered'}")
    fault = verify_audit(registry)
    print(f"audit: {fault or 'the chain is whole and names the champion'}")
    if faults or fault:
        raise ModelError(
            f"{faults + bool(fault)} problem(s) in the registry of {registry.name}; the "
            "lines above say which, and what to do"
        )


def _card(chosen: argparse.Namespace) -> None:
    from aislewatch.register.bundle import CARD
    from aislewatch.register.stored import fetched
    from aislewatch.register.versions import CHAMPION

    registry = _registry()
    version = registry.get(chosen.version) if chosen.version else registry.by_alias(CHAMPION)
    if version is None:
        raise RegistryError("there is no champion yet; name a version (aislewatch models list)")
    with fetched(registry, version) as own:
        print((own / CARD).read_text())


def _registry() -> Any:
    check_store()
    # Imports MLflow: seconds that the other commands need not pay.
    from aislewatch.register.versions import Registry

    return Registry(load_params().register_.name)
