"""The config center and the bundled checks, which never import each other, fit together."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from config_center.catalogue import Catalogue
from config_center.describe import bundled_checks, catalogue_of
from config_center.expectation import MATCHERS
from config_center.layers import load_fleet
from config_center.publishing import draft
from config_center.release import LayerItem
from config_center.resolve import resolve
from tests.support.center import write_fleet

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "layers-minimal"


@pytest.fixture(scope="module")
def bundled() -> Catalogue:
    return catalogue_of(bundled_checks())


def test_both_sides_know_the_same_matchers(bundled: Catalogue) -> None:
    """What can be said of an expectation here is what the checks can compare."""
    assert set(bundled.matchers) == set(MATCHERS)


def test_every_kinds_own_example_is_valid(bundled: Catalogue, tmp_path: Path) -> None:
    """The example a kind prints can be pasted into a layer."""
    assert {"sysctl", "kernel", "os", "package", "file", "service", "process", "disk", "command", "nagios"} <= set(
        bundled.kinds
    )
    examples = {name: kind.example for name, kind in bundled.kinds.items()}
    fleet = load_fleet(write_fleet(tmp_path, {"a.yml": yaml.safe_dump({"items": examples})}), bundled)
    assert [str(mistake) for mistake in fleet.mistakes] == []
    expected = {f"{name}:{key}" for name, example in examples.items() for key in example}
    assert set(fleet.layers[0].items) == expected


def test_the_example_to_start_from_is_valid_and_says_what_it_claims(bundled: Catalogue, tmp_path: Path) -> None:
    """It validates without a mistake, and its comments about who wins are true."""
    shutil.copytree(EXAMPLE, tmp_path / "fleet")
    release = draft(tmp_path / "fleet", bundled)
    swapping = {
        node: [item.expect for item in resolve(release, node, tags).items if item.id == "sysctl:vm.swappiness"]
        for node, tags in {"db1": {"role": "db"}, "web7": {"role": "web"}, "web02": {"role": "web"}}.items()
    }
    assert swapping == {
        "db1": [{"value": {"at_most": 60}}],
        "web7": [{"value": {"at_most": 10}}],
        "web02": [{"value": {"between": [0, 1]}}],
    }


def _read(bundled: Catalogue, directory: Path, items: str) -> tuple[list[str], dict[str, LayerItem]]:
    """Mistakes, without their places, and items of one layer in flow style."""
    fleet = load_fleet(write_fleet(directory, {"a.yml": f"items: {items}"}), bundled)
    return [mistake.text for mistake in fleet.mistakes], fleet.layers[0].items if fleet.layers else {}


@pytest.mark.parametrize(
    ("written", "operand"),
    [
        ("644", "0644"),
        ('"644"', "0644"),
        ('"0644"', "0644"),
        ("4755", "4755"),
        ("{at_most: 640}", "0640"),
        ("{between: [600, '644']}", ["0600", "0644"]),
        ("{one_of: [600, '0644']}", ["0600", "0644"]),
    ],
)
def test_a_mode_is_normalised(bundled: Catalogue, tmp_path: Path, written: str, operand: object) -> None:
    """With and without its leading zero it is the same mode, and a release has it with the zero."""
    mistakes, items = _read(bundled, tmp_path, f"{{file: {{/etc/motd: {{expect: {{mode: {written}}}}}}}}}")
    assert mistakes == []
    assert list(items["file:/etc/motd"].expect["mode"].values()) == [operand]


@pytest.mark.parametrize(
    ("written", "mistake"),
    [
        ('"0689"', "equals takes a mode, not '0689'; write three or four octal digits, such as \"0644\""),
        ("u=rw", "equals takes a mode, not 'u=rw'; write three or four octal digits, such as \"0644\""),
        ("{at_most: 6.44}", "at_most takes a mode, not '6.44'; write three or four octal digits, such as \"0644\""),
        ("{contains: '6'}", "contains cannot be used here: a mode has no parts; use equals, one_of or between"),
        ("{between: ['0644', '0600']}", "between can never hold: 0644 has bits that 0600 has not; write [least, most]"),
        (
            "0644",
            '0644 is an octal number to one YAML reader and a decimal one to the next; quote it: "0644"',
        ),
    ],
)
def test_what_is_no_mode_is_a_mistake(bundled: Catalogue, tmp_path: Path, written: str, mistake: str) -> None:
    """And no hint leads to a decimal number."""
    assert _read(bundled, tmp_path, f"{{file: {{/etc/motd: {{expect: {{mode: {written}}}}}}}}}")[0] == [mistake]


@pytest.mark.parametrize(
    ("kind", "property_"),
    [
        ("file", "sha256"), ("file", "owner"), ("file", "group"), ("file", "type"), ("file", "target"),
        ("file", "content"), ("process", "user"), ("service", "active"), ("service", "enabled"), ("package", "status"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("matcher", ["at_least: '5'", "at_most: 10", "between: [1, 2]"])
def test_what_has_no_order_is_not_compared_in_one(
    bundled: Catalogue, tmp_path: Path, kind: str, property_: str, matcher: str
) -> None:
    """On a node it could only ever be an error, or a pass by accident."""
    mistakes, _ = _read(bundled, tmp_path, f"{{{kind}: {{/x: {{expect: {{{property_}: {{{matcher}}}}}}}}}}}")
    name = matcher.partition(":")[0]
    assert mistakes == [f"{name} cannot be used here: text of this sort has no order; use equals, one_of or contains"]


@pytest.mark.parametrize(
    ("items", "mistake"),
    [
        ("{kernel: {relaese: {any: true}}}", "kernel has no key 'relaese'; did you mean release?"),
        ("{file: {etc/motd: true}}", "a key of file begins with /, not so 'etc/motd'; write /etc/motd"),
        ("{disk: {srv: {at_most: 80}}}", "a key of disk begins with /, not so 'srv'; write /srv"),
    ],
)
def test_a_key_that_could_only_err_is_a_mistake(bundled: Catalogue, tmp_path: Path, items: str, mistake: str) -> None:
    """On every node it would be an error, sweep after sweep."""
    assert _read(bundled, tmp_path, items)[0] == [mistake]
