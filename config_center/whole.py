"""CORE. A fleet's files seen together: what none of them tells by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from config_center import limits
from config_center.ambiguity import disagreements
from config_center.fleet_file import FleetFile
from config_center.includes import check_cycles, check_references
from config_center.match import NODE
from config_center.mistakes import Mistake, did_you_mean
from config_center.read_match import fact_hint
from config_center.release import Layer
from config_center.traits import FACT_PREFIX
from config_center.written import Group, Reference, Written

_LAYERS = "layers"


@dataclass(frozen=True, slots=True)
class Whole:
    """groups: the layers in order, each with its includes; includes: the readable ones; names: of all includes."""

    groups: tuple[Group, ...]
    includes: Mapping[str, Written]
    names: frozenset[str]
    known: FleetFile

    @property
    def layers(self) -> tuple[Layer, ...]:
        """As a release has them. At most one more than a release takes."""
        layers = (member.layer for group in self.groups for member in group.members)
        return tuple(layer for layer, _ in zip(layers, range(limits.layers_max + 1), strict=False))

    @property
    def files(self) -> tuple[Written, ...]:
        """Every file, those that layers and includes take in before them."""
        own = (*self.includes.values(), *(group.head for group in self.groups))
        return tuple(written for one in own for written in (*one.taken, one))


@dataclass(slots=True)
class Findings:
    """What is wrong, and what should be looked at."""

    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[Mistake] = field(default_factory=list)


def look_over(whole: Whole) -> Findings:
    """Every mistake and warning that takes more than one file to see."""
    findings = Findings()
    for written in whole.files:
        findings.mistakes.extend(check_references(written, whole.names))
    findings.mistakes.extend(check_cycles(whole.includes))
    findings.warnings.extend(_unused(whole))
    too_much = list(_bounds(whole))
    findings.mistakes.extend(too_much)
    _uses(whole, findings)
    if not too_much:
        findings.mistakes.extend(_ambiguities(whole))
        findings.warnings.extend(_without_effect(whole))
        findings.warnings.extend(_laid_open(whole))
    return findings


def _ambiguities(whole: Whole) -> Iterator[Mistake]:
    for dimension, groups in groupby(whole.groups, key=lambda group: group.head.layer.dimension):
        if dimension:
            for count, mistake in enumerate(disagreements(tuple(groups), dimension)):
                if count > limits.mistakes_max:
                    break
                yield mistake


def _bounds(whole: Whole) -> Iterator[Mistake]:
    layers = sum(len(group.members) for group in whole.groups)
    if layers > limits.layers_max:
        what = f"{layers} layers with their includes, at most {limits.layers_max} are taken"
        yield Mistake(_LAYERS, 1, 1, what, "include less often, or merge layers")
    written = sum(len(member.layer.items) for group in whole.groups for member in group.members)
    if written > limits.written_items_max:
        what = f"{written} items with those of includes, at most {limits.written_items_max} are taken"
        yield Mistake(_LAYERS, 1, 1, what, "include less often, or say in one layer what several say")
    different = len({item for written in whole.files for item in written.layer.items})
    if different > limits.items_max:
        yield Mistake(_LAYERS, 1, 1, f"{different} different items, at most {limits.items_max} are taken")


def _unused(whole: Whole) -> Iterator[Mistake]:
    """Includes that no layer reaches, and variables that no text asks for."""
    reached = {member.layer.file for group in whole.groups for member in group.members}
    for written in whole.includes.values():
        if written.layer.file not in reached:
            yield Mistake(written.layer.file, 1, 1, "no layer includes this file", "include it, or remove it")
    asked = {reference.name for written in whole.files for reference in written.uses}
    for written in whole.files:
        for name, spot in written.variable_spots.items():
            if name not in asked:
                what = f"no text asks for ${{{name}}}"
                yield Mistake(written.layer.file, spot.line, spot.column, what, "remove the variable")


def _uses(whole: Whole, findings: Findings) -> None:
    """Names that have a value on no node."""
    variables = {name for written in whole.files for name in written.layer.variables}
    matched = {key for group in whole.groups for key in group.head.layer.match}
    sure = {NODE, *variables, *whole.known.tags, *matched}
    for written in whole.files:
        for reference in written.uses:
            if reference.name not in sure:
                _use(written, reference, sure, whole.known, findings)


def _use(written: Written, reference: Reference, sure: set[str], known: FleetFile, findings: Findings) -> None:
    name, place = reference.name, (written.layer.file, reference.line, reference.column)
    if name.startswith(FACT_PREFIX):
        hint = fact_hint(name)
        if hint is not None:
            findings.warnings.append(Mistake(*place, f"no agent tells ${{{name}}}", hint))
    elif known.tags:
        what = f"${{{name}}} is no variable of any layer, and no tag of fleet.yml"
        findings.mistakes.append(Mistake(*place, what, did_you_mean(name, sure)))
    else:
        near = did_you_mean(name, sure)
        hint = near if near.startswith("did") else "if it is a tag, name it under tags: in fleet.yml"
        findings.warnings.append(Mistake(*place, f"${{{name}}} is no variable of any layer", hint))


def _without_effect(whole: Whole) -> Iterator[Mistake]:
    """An `unset` of what no layer before it says."""
    said: set[str] = set()
    for group in whole.groups:
        for member in group.members:
            for name, item in member.layer.items.items():
                if item.action == "unset" and name not in said:
                    spot = member.item_spots[name]
                    what = f"nothing to unset: no layer before this one expects {name}"
                    near = did_you_mean(name, said)
                    hint = near if near.startswith("did") else "remove it"
                    yield Mistake(member.layer.file, spot.line, spot.column, what, hint)
            said.update(member.layer.items)


def _laid_open(whole: Whole) -> Iterator[Mistake]:
    """A later word on a secret item that does not keep it secret: what is observed would be shown again."""
    concealed: dict[str, str] = {}
    for group in whole.groups:
        for member in group.members:
            for name, item in member.layer.items.items():
                if item.secret:
                    concealed[name] = f"{member.layer.file}:{item.line}"
                elif item.action == "unset":
                    concealed.pop(name, None)
                elif item.action == "set" and name in concealed:
                    spot = member.item_spots[name]
                    what = f"{name} is secret in {concealed[name]}, and not here"
                    hint = "add secret: true, or unset it in a layer between"
                    yield Mistake(member.layer.file, spot.line, spot.column, what, hint)
