"""Items that append, unset or conceal: what they become, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from config_center.layers import load_fleet
from config_center.release import LayerItem
from tests.support.center import small_catalogue, write_fleet


def read(directory: Path, kind: str, body: str) -> tuple[list[str], LayerItem | None]:
    """Mistakes with their columns, and the item k of one layer with this body."""
    layer = f"items: {{{kind}: {{k: \n {body}}}}}\n"
    fleet = load_fleet(write_fleet(directory, {"x.yml": layer}), small_catalogue())
    found = [str(mistake).removeprefix("layers/x.yml:2:") for mistake in fleet.mistakes]
    return found, fleet.layers[0].items.get(f"{kind}:k") if fleet.layers else None


@pytest.mark.parametrize(
    ("kind", "body", "expect"),
    [
        ("sysctl", "{append: {contains: [a, b]}}", {"value": {"contains": ["a", "b"]}}),
        ("sysctl", "{append: {lacks: [a]}}", {"value": {"lacks": ["a"]}}),
        ("sysctl", "{append: {value: {one_of: [1, 2]}}}", {"value": {"one_of": [1, 2]}}),
        ("kernel", "{append: {cmdline: {contains: [quiet]}}}", {"cmdline": {"contains": ["quiet"]}}),
        ("kernel", "{append: {cmdline: [quiet]}}", {"cmdline": {"equals": ["quiet"]}}),
    ],
)
def test_an_append_adds_to_a_list(tmp_path: Path, kind: str, body: str, expect: object) -> None:
    """Of the main property, or by property; and it carries nothing else."""
    mistakes, item = read(tmp_path, kind, body)
    assert mistakes == []
    assert item is not None
    assert (item.action, item.expect, item.with_, item.from_file) == ("append", expect, {}, {})


def test_an_unset_carries_nothing(tmp_path: Path) -> None:
    """But that it takes the item away."""
    mistakes, item = read(tmp_path, "command", "{unset: true}")
    assert mistakes == []
    assert item is not None
    assert (item.action, item.expect, item.with_) == ("unset", {}, {})


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("{append: {contains: a}}", ("22: contains has no list that could be appended to; "
         "lists of contains, equals, lacks, one_of only: write append: {contains: [a, b]}")),
        ("{append: {at_most: 3}}", ("21: at_most has no list that could be appended to; "
         "lists of contains, equals, lacks, one_of only: write append: {contains: [a, b]}")),
        ("{append: {between: [1, 3]}}", ("21: between has no list that could be appended to; "
         "lists of contains, equals, lacks, one_of only: write append: {contains: [a, b]}")),
        ("{append: [a]}", "11: append takes a mapping of lists; write append: {contains: [a, b]}"),
        ("{append: {}}", "11: append takes a mapping of lists; write append: {contains: [a, b]}"),
        ("{append: {contains: [a]}, severity: minor}", "28: severity beside append is not taken; append stands alone"),
        ("{append: {contains: [a]}, unset: true}", "28: unset beside append is not taken; append stands alone"),
        ("{append: {contains: {from_file: /a}}}", "11: append takes no from_file; write the elements out"),
        ("{append: {vaule: {contains: [a]}}}", "12: sysctl has no property 'vaule'; did you mean value?"),
        ("{unset: false}", "10: unset takes only true; leave the item out where it is not meant"),
        ("{unset: }", "10: unset takes only true; leave the item out where it is not meant"),
        ("{unset: true, equals: 1}", "16: equals beside unset is not taken; unset stands alone"),
        ("{unst: true}", "3: unknown key 'unst'; did you mean unset?"),
    ],
)  # fmt: skip
def test_mistakes_of_append_and_unset(tmp_path: Path, body: str, found: str) -> None:
    """Each at its place; both stand alone."""
    assert read(tmp_path, "sysctl", body)[0] == [found]


@pytest.mark.parametrize(
    ("kind", "body", "expect", "from_file"),
    [
        ("sysctl", "{equals: {from_file: /etc/s}}", {}, {"value": {"equals": "/etc/s"}}),
        ("sysctl", "{contains: {from_file: /etc/s}, expect: {}}", None, None),
        ("command", "{with: {argv: [a]}, expect: {exit: 0, stdout: {contains: {from_file: /etc/s}}}}",
         {"exit": {"equals": 0}}, {"stdout": {"contains": "/etc/s"}}),
        ("sysctl", "{one_of: {from_file: /etc/s}, at_least: 3}", {"value": {"at_least": 3}},
         {"value": {"one_of": "/etc/s"}}),
    ],
)  # fmt: skip
def test_an_operand_may_be_read_on_the_node(
    tmp_path: Path, kind: str, body: str, expect: object, from_file: object
) -> None:
    """Such an item is secret by itself; what it names is a path, not a value."""
    mistakes, item = read(tmp_path, kind, body)
    if expect is None:
        assert mistakes != []
        return
    assert mistakes == []
    assert item is not None
    assert (item.secret, item.expect, item.from_file, item.action) == (True, expect, from_file, "set")


@pytest.mark.parametrize(
    ("kind", "body", "found"),
    [
        ("sysctl", "{equals: {from_file: etc/s}}",
         "23: from_file takes the absolute path of a file, not 'etc/s'; no .. in it, and no ${…}"),
        ("sysctl", "{equals: {from_file: /etc/../s}}",
         "23: from_file takes the absolute path of a file, not '/etc/../s'; no .. in it, and no ${…}"),
        ("sysctl", "{equals: {from_file: '/etc/${zone}'}}", "23: from_file takes no ${…}; write the path out"),
        ("sysctl", "{equals: {from_file: [a]}}", "23: from_file takes one value, not a list"),
        ("sysctl", "{equals: {from_file: /a, at_most: 1}}",
         "11: nothing can stand beside from_file; write equals: {from_file: /path}"),
        ("sysctl", "{at_most: {from_file: /a}}",
         "12: at_most cannot be read from a file; only contains, equals, one_of of texts can"),
        ("disk", "{equals: {from_file: /a}}",
         "11: a number cannot be read from a file; only contains, equals, one_of of texts can"),
        ("sysctl", "{from_file: /a}", "3: unknown key 'from_file'; write equals: {from_file: …}"),
        ("file", "{expect: {owner: {from_file: /a}}}", "20: unknown matcher 'from_file'; write equals: {from_file: …}"),
        ("sysctl", "{secret: yes, matches: a}", "11: secret takes true or false, not 'yes'; did you mean true?"),
        ("sysctl", "{secret: true, equals: hunter2}",
         "25: a secret must not stand in a layer; name a file of the node: equals: {from_file: /path}"),
        ("sysctl", "{secret: true, contains: [hunter2]}",
         "27: a secret must not stand in a layer; name a file of the node: contains: {from_file: /path}"),
        ("kernel", "{secret: true, expect: {cmdline: [key=1]}}",
         "35: a secret must not stand in a layer; name a file of the node: equals: {from_file: /path}"),
        ("sysctl", "{secret: true, matches: hunter2}",
         "26: a secret must not stand in a layer; name a file of the node: contains: {from_file: /path}"),
        ("package", "{secret: true, one_of: ['1']}",
         "25: a secret must not stand in a layer; name a file of the node: one_of: {from_file: /path}"),
    ],
)  # fmt: skip
def test_mistakes_about_secrets(tmp_path: Path, kind: str, body: str, found: str) -> None:
    """A secret never enters a release; a path is absolute and leads nowhere else."""
    assert read(tmp_path, kind, body)[0] == [found]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("sysctl", "{secret: true, matches: '^.{12,}$'}"),
        ("sysctl", "{secret: true, any: true}"),
        ("disk", "{secret: true, at_most: 3}"),
        ("sysctl", "{secret: false, equals: 1}"),
    ],
)
def test_what_does_not_tell_a_secret_may_stand_in_a_layer(tmp_path: Path, kind: str, body: str) -> None:
    """Its shape, its presence, a bound."""
    mistakes, item = read(tmp_path, kind, body)
    assert mistakes == []
    assert item is not None
    assert item.secret is ("true" in body.split(",", maxsplit=1)[0])


def test_a_later_word_that_lays_a_secret_open_is_a_warning(tmp_path: Path) -> None:
    """Unless the item was unset between them; an append leaves it as secret as it was."""
    layers = {
        "1.yml": "items:\n  sysctl:\n    a: {equals: {from_file: /s}}\n    b: {secret: true, any: true}\n"
        "    c: {secret: true, any: true}\n",
        "2.yml": "items: {sysctl: {a: {append: {contains: [x]}}, b: 1, c: {unset: true}}}\n",
        "3.yml": "items: {sysctl: {c: 1}}\n",
    }
    fleet = load_fleet(write_fleet(tmp_path, layers), small_catalogue())
    assert [str(warning) for warning in fleet.warnings] == [
        (
            "layers/2.yml:1:48: sysctl:b is secret in layers/1.yml:4, and not here; "
            "add secret: true, or unset it in a layer between"
        )
    ]
