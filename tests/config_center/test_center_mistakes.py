"""Validation: every planted mistake is reported at once, with its exact place and what to do."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from config_center import limits
from config_center.layers import load_fleet
from config_center.mistakes import Notes
from config_center.release import LayerItem
from config_center.validate import read_layer
from tests.support.center import small_catalogue, terms, write_fleet

# One file with (nearly) everything that can be wrong in a layer. A mark «n» stands where mistake EXPECTED[n] begins.
# The marks are taken out before the file is read, so that places are computed, not counted.
PLANTED = r"""
«1»matches: {zone: b}
match:
  zone: [a, «2»"r[1-"]
  rack: «3»[]
  «4»"bad tag": x
  node: {«5»n: 1}
  role:«6»
items:
  «7»sysctrl:
    vm.swappiness: 10
  sysctl:
    vm.swappiness: {«8»at_mots: 10}
    kernel.a: {at_most: 10, «9»severty: minor}
    kernel.b: {equals: 1, severity: «10»majr}
    kernel.c: {equals: 1, timeout: «11»0}
    kernel.d: {equals: 1, timeout: «12»600}
    kernel.e: {equals: 1, timeout: «13»2s}
    kernel.f: {between: «14»[1, 2, 3]}
    kernel.g: {between: «15»[9, 2]}
    kernel.h: {one_of: «16»[]}
    kernel.i: {one_of: «17»a}
    kernel.j: {matches: «18»"a("}
    kernel.k: {absent: «19»false}
    kernel.l: {at_most: «20»[1, 2]}
    kernel.m: {at_most: «21»{a: 1}}
    kernel.n: {at_most: «22»}
    kernel.o: «23»1.10
    kernel.p: «24»0644
    kernel.q: «25»true
    kernel.r: {«26»absent: true, equals: 1}
    «27»kernel.s: {severity: minor}
    «28»kernel.t:
    kernel.u: {equals: 1, expect: «29»{value: 2}}
    kernel.v: {expect: {«30»valeu: 1}}
    kernel.w: {expect: «31»{}}
    kernel.x: {expect: {value: {«32»at_leats: 1}}}
    kernel.y: {with: {«33»speed: 1}, equals: 1}
    kernel.z: {title: «34»[a], equals: 1}
    kernel.1: {references: [CIS-1, «35»1.10], equals: 1}
    kernel.2: 1
    «36»kernel.2: 2
    «37»"kernel\n3": 1
    kernel.4: {equals: «38»1e3}
    kernel.7: «65»0x1F
    kernel.6: {at_most: «64»ten}
    kernel.5: {equals: «39»"a\u0007"}
  disk:
    /a: {at_most: «40»"10"}
    /b: {at_most: «41»ten}
    /c: {contains: «42»1}
    /d: {expect: {mounted: «43»yes}}
    /e: {expect: {mounted: {at_least: «44»true}}}
    /f: «45»090
    /g: 0x1F
  kernel:
    cmdline: {expect: {cmdline: «46»quiet}}
    release: {expect: {release: «47»6.10}}
    main: «48»5
    top: {«49»at_least: 5}
  package:
    held: {«50»held: true}
  file:
    /etc/motd: {expect: {mode: «51»0644, «63»onwer: root}}
    «52»/etc/issue: {with: {}}
  command:
    «53»ntp: {expect: {exit: 0}}
    date: {with: {argv: «54»"date -u"}}
    id: {with: {argv: [«55»[id]]}}
    tr: {with: {argv: «56»[]}}
    wc: {with: {argv: «57»[""]}}
    ls: {with: «58»[ls]}
    «59»ps: {«60»argv: [ps]}
  nagios: «61»{}
  «62»cmd:
    x: 1
"""

EXPECTED = {
    1: "unknown key 'matches'; did you mean match?",
    2: "zone: 'r[1-': a [ without its ]",
    3: "rack has an empty list",
    4: "'bad tag' cannot name a tag; letters, digits, . _ and - only",
    5: "unknown condition 'n'; known: any, at_least, at_most, below, not",
    6: 'role has no value; write "" for empty text',
    7: "unknown check 'sysctrl'; did you mean sysctl?",
    8: "unknown key 'at_mots'; did you mean at_most?",
    9: "unknown key 'severty'; did you mean severity?",
    10: "unknown severity 'majr'; did you mean major?",
    11: "timeout of 0 seconds is out of bounds; take 0.05 to 60 seconds",
    12: "timeout of 600 seconds is out of bounds; take 0.05 to 60 seconds",
    13: "timeout takes a number, not '2s'",
    14: "between takes two values, not 3; write [lowest, highest]",
    15: "between runs backwards: 9 is more than 2; write [2, 9]",
    16: "one_of has an empty list",
    17: "one_of takes a list, not a single value; write [a, b]",
    18: "matches has no regular expression: missing ), unterminated subpattern at position 1; "
    "in double quotes a backslash is written twice",
    19: "absent takes only true; leave absent out where it is not meant",
    20: "at_most takes one value, not a list",
    21: "at_most takes one value, not a mapping",
    22: 'at_most has no value; write "" for empty text',
    23: '1.10 unquoted is a number, not text: 1.10 would become 1.1; quote it: "1.10"',
    24: "0644 is an octal number to one YAML reader and a decimal one to the next; "
    'quote it ("0644") or write the decimal number',
    25: 'equals takes text, not a true or false; quote it: "true", or write any: true for whatever it is',
    26: "absent beside another matcher can never hold; keep absent, or the others",
    27: "sysctl:kernel.s expects nothing; write a value or a matcher, such as any: true",
    28: "sysctl:kernel.t expects nothing; write a value or a matcher, such as any: true",
    29: "value is expected here and beside `expect` too; keep one of the two",
    30: "sysctl has no property 'valeu'; did you mean value?",
    31: "`expect` is empty; leave it out, or say what is expected",
    32: "unknown matcher 'at_leats'; did you mean at_least?",
    33: "sysctl has no parameter 'speed'; sysctl takes no parameters",
    34: "title takes one value, not a list",
    35: '1.10 unquoted is a number, not text: 1.10 would become 1.1; quote it: "1.10"',
    36: "'kernel.2' stands twice: first on line 40; keep one of the two",
    37: "this key is empty, or not printable throughout; an item's key has 1 to 256 printable characters",
    38: '1e3 unquoted is a number, not text: 1.10 would become 1.1; quote it: "1e3"',
    39: "equals holds the control character U+0007",
    40: "at_most takes a number, not '10'; take off the quotes",
    41: "at_most takes a number, not 'ten'",
    42: "contains cannot be used here: a number has no parts; use equals, one_of or between",
    43: "equals takes true or false, not 'yes'; did you mean true?",
    44: "at_least cannot be used here: a bool has no order; use equals, one_of or contains",
    45: "090 is an octal number to one YAML reader and a decimal one to the next; "
    'quote it ("090") or write the decimal number',
    46: "equals takes a list, not a single value; write [a, b]",
    47: '6.10 unquoted is a number, not a version: 1.10 would become 1.1; quote it: "6.10"',
    48: "kernel has no main property; name one under `expect`: cmdline, release",
    49: "kernel has no main property; name one under `expect`: cmdline, release",
    50: "unknown key 'held'; it is a property: write expect: {held: …}",
    51: "0644 is an octal number to one YAML reader and a decimal one to the next; "
    'quote it ("0644") or write the decimal number',
    52: "file:/etc/issue expects nothing; say under `expect` what",
    53: "command:ntp lacks the parameter argv; write with: {argv: …}",
    54: "argv takes a list: no shell splits it into words; write [date, -u]",
    55: "argv takes one value, not a list",
    56: "argv has an empty list",
    57: "argv starts with an empty word; name the program first",
    58: "`with` takes a mapping of parameters, not a list",
    59: "command:ps lacks the parameter argv; write with: {argv: …}",
    60: "unknown key 'argv'; it is a parameter: write with: {argv: …}",
    61: "no items under nagios; write nagios: {key: expectation}",
    62: "unknown check 'cmd'; did you mean command?",
    64: "at_most takes a number or a version, not 'ten'",
    65: '0x1F unquoted is a number and would become 31; quote it: "0x1F"',
    63: "file has no property 'onwer'; did you mean owner?",
}


def _unmarked(text: str) -> tuple[str, dict[int, tuple[int, int]]]:
    """The file without marks, and the line and column of each mark's number."""
    places, lines = {}, []
    for line_number, line in enumerate(dedent(text).lstrip("\n").split("\n"), 1):
        while found := re.search("«([0-9]+)»", line):
            places[int(found[1])] = (line_number, found.start() + 1)
            line = line[: found.start()] + line[found.end() :]  # noqa: PLW2901
        lines.append(line)
    return "\n".join(lines), places


def _mistakes(directory: Path, **layers: str) -> list[str]:
    files = {f"{name}.yml": text for name, text in layers.items()}
    return [str(mistake) for mistake in load_fleet(write_fleet(directory, files), small_catalogue()).mistakes]


def test_every_planted_mistake_is_reported_at_once(tmp_path: Path) -> None:
    """Sixty mistakes of every sort in one file: exactly these are found, each at its line and column."""
    text, places = _unmarked(PLANTED)
    found = _mistakes(tmp_path, planted=text)
    wanted = sorted((*place, EXPECTED[number]) for number, place in places.items())
    assert found == [f"layers/planted.yml:{line}:{column}: {what}" for line, column, what in wanted]
    assert len(found) == len(EXPECTED)


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("", ["1:1: empty layer: it holds nothing; write match: and items:, or remove the file"]),
        ("# nothing\n", ["1:1: empty layer: it holds nothing; write match: and items:, or remove the file"]),
        ("match: {zone: a}\n", ["1:1: empty layer: it has no items; write items:, or remove the file"]),
        ("items:\n", ["1:7: empty layer: items is empty; write items: {check: {key: expectation}}"]),
        ("items: {}\n", ["1:8: empty layer: items is empty; write items: {check: {key: expectation}}"]),
        ("items: [a]\n", [
            "1:8: empty layer: items is a list, not a mapping; write items: {check: {key: expectation}}",
        ]),
        ("- a\n", ["1:1: a layer is a mapping of match: and items:, not a list"]),
        ("just text\n", ["1:1: a layer is a mapping of match: and items:, not a single value"]),
        ("match: {}\nitems: {sysctl: {a: 1}}\n", [
            "1:8: match is empty; write match: {tag: value}, or leave it out for every node",
        ]),
        ("match: zone=b\nitems: {sysctl: {a: 1}}\n", [
            "1:8: match is a single value, not a mapping; write match: {tag: value}, or leave it out for every node",
        ]),
        ("items: {sysctl: a}\n", ["1:17: no items under sysctl; write sysctl: {key: expectation}"]),
    ],
)  # fmt: skip
def test_a_layer_that_is_no_layer(tmp_path: Path, text: str, mistakes: list[str]) -> None:
    """Empty layers are mistakes: somebody thinks that something is expected there."""
    assert _mistakes(tmp_path, x=text) == [f"layers/x.yml:{mistake}" for mistake in mistakes]


def test_an_alias_is_one_mistake_and_not_what_follows_from_it(tmp_path: Path) -> None:
    """Where nothing is left to judge, nothing more is said."""
    found = _mistakes(tmp_path, a="items: {sysctl: {a: {at_most: *x}, b: *x}, file: *x}\n")
    assert [line.split(" ", 1) for line in found] == [
        [f"layers/a.yml:1:{column}:", "*x: aliases are not taken here; write the value out"] for column in (31, 39, 50)
    ]


def test_mistakes_of_all_files_come_together(tmp_path: Path) -> None:
    """A file that is not even YAML does not hide the mistakes of the next; nothing half-read is a layer."""
    found = _mistakes(tmp_path, a="a: [", b="items: {sysctl: {a: {at_mots: 1}}}", c="items: {sysctl: {a: 1}}")
    assert [line.split(":")[0] for line in found] == ["layers/a.yml", "layers/b.yml"]


def _item(body: str, kind: str = "sysctl") -> LayerItem:
    notes = Notes("f")
    written = read_layer(f"items: {{{kind}: {{k: {body}}}}}\n".encode(), "f", small_catalogue(), notes)
    assert notes.mistakes == []
    assert written is not None
    layer = written.layer
    return layer.items[f"{kind}:k"]


@pytest.mark.parametrize(
    ("kind", "body", "expect"),
    [
        ("sysctl", "10", {"value": {"equals": 10}}),
        ("sysctl", "yes", {"value": {"equals": "yes"}}),
        ("sysctl", "12:30", {"value": {"equals": "12:30"}}),
        ("sysctl", '"1.10"', {"value": {"equals": "1.10"}}),
        ("sysctl", "{at_least: '6.1.0', at_most: '0x1F'}", {"value": {"at_least": "6.1.0", "at_most": "0x1F"}}),
        ("sysctl", '""', {"value": {"equals": ""}}),
        ("sysctl", "[1, 2]", {"value": {"equals": [1, 2]}}),
        ("sysctl", "{expect: 10}", {"value": {"equals": 10}}),
        ("sysctl", "{expect: {at_least: 1, at_most: 2}}", {"value": {"at_least": 1, "at_most": 2}}),
        ("sysctl", "{expect: {value: {between: [1, 2]}}}", {"value": {"between": [1, 2]}}),
        ("sysctl", "{absent: true, severity: minor}", {"value": {"absent": True}}),
        ("sysctl", "{any: true}", {"value": {"any": True}}),
        ("sysctl", '{matches: "^a{1,3}$"}', {"value": {"matches": "^a{1,3}$"}}),
        ("sysctl", "{contains: [a, b]}", {"value": {"contains": ["a", "b"]}}),
        ("disk", "{at_most: 0x1F}", {"used_percent": {"at_most": 31}}),
        ("disk", "{at_most: 1.10}", {"used_percent": {"at_most": 1.1}}),
        (
            "disk",
            "{at_most: 90, expect: {mounted: true}}",
            {"used_percent": {"at_most": 90}, "mounted": {"equals": True}},
        ),
        ("kernel", "{expect: {cmdline: [quiet, a=1]}}", {"cmdline": {"equals": ["quiet", "a=1"]}}),
        ("kernel", "{expect: {cmdline: {contains: quiet}}}", {"cmdline": {"contains": "quiet"}}),
        ("kernel", '{expect: {release: {at_least: "6.10"}}}', {"release": {"at_least": "6.10"}}),
        ("kernel", "{expect: {release: {at_least: 6}}}", {"release": {"at_least": 6}}),
        ("package", "{}", {"version": {"any": True}}),
        ("package", "", {"version": {"any": True}}),
        ("package", "{severity: info}", {"version": {"any": True}}),
        ("package", "{expect: {held: true}}", {"held": {"equals": True}}),
        ("command", "{with: {argv: [a]}}", {"exit": {"equals": 0}}),
    ],
)
def test_what_a_body_is_normalised_to(kind: str, body: str, expect: Any) -> None:
    """Plain values, matchers of the main property, `expect` by property or of the main one, and the kind's default."""
    found = _item(body, kind)
    assert found.expect == expect
    assert repr(found.expect) == repr(expect)  # 1, 1.0 and true are equal to Python, not to us


def test_words_of_a_command_are_taken_as_spelled() -> None:
    """An argument is text and nothing else, so 1.10, 0644 and true need no quotes there."""
    found = _item("{with: {argv: [chmod, 0644, 1.10, true, no, -5, '']}, timeout: 3}", "command")
    assert found.with_ == {"argv": ["chmod", "0644", "1.10", "true", "no", "-5", ""]}
    assert found.timeout_s == 3.0


def test_metadata_is_carried() -> None:
    """Everything that is said of an item reaches the release; what is not said has its default."""
    notes = Notes("f")
    text = """\
        items:
          sysctl:
            a:
              equals: 1
              severity: info
              title: Title
              rationale: |
                Two
                lines.
              remediation: sysctl -w a=1
              remedy: sysctl.yml
              references: [CIS 1.2, "https://example.org/1"]
              owner: team-x
              timeout: 0.5
            b: {equals: 1, references: one}
    """
    written = read_layer(dedent(text).encode(), "f", small_catalogue(), notes)
    assert notes.mistakes == []
    assert written is not None
    layer = written.layer
    assert layer.items["sysctl:a"] == LayerItem(
        line=3, expect={"value": {"equals": 1}}, with_={}, severity="info", timeout_s=0.5, title="Title",
        rationale="Two\nlines.\n", remediation="sysctl -w a=1", remedy="sysctl.yml",
        references=("CIS 1.2", "https://example.org/1"), owner="team-x",
    )  # fmt: skip
    b = layer.items["sysctl:b"]
    assert (b.references, b.severity, b.timeout_s, b.title) == (("one",), "major", limits.timeout_s_default, "")


def test_values_of_a_match_are_taken_as_spelled(tmp_path: Path) -> None:
    """A tag is text and nothing else: zone 1.10, rack 01 and the zone `no` need no quotes."""
    text = "match: {zone: 1.10, rack: [01, no], node: 15}\nitems: {sysctl: {a: 1}}\n"
    fleet = load_fleet(write_fleet(tmp_path, {"x.yml": text}), small_catalogue()).sound()
    assert fleet.layers[0].match == terms(zone="1.10", rack=("01", "no"), node="15")


def test_a_flood_of_mistakes_is_bounded(tmp_path: Path) -> None:
    """The first thousand of a file are listed, the rest is counted."""
    text = "items:\n  sysctl:\n" + "".join(f"    k{n}: {{bad: 1}}\n" for n in range(limits.mistakes_max + 7))
    found = _mistakes(tmp_path, x=text)
    assert len(found) == limits.mistakes_max + 1
    assert found[-1] == f"layers/x.yml:{limits.mistakes_max + 2}:12: 7 more mistakes are not listed"
