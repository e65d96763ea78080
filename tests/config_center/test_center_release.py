"""Releases: canonical bytes, digests, and decoding of hostile bytes."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config_center import limits
from config_center.canonical import canonical_bytes
from config_center.errors import CenterError, ReleaseError
from config_center.match import Term
from config_center.release import (
    Layer,
    LayerItem,
    Release,
    SiteCheck,
    Variable,
    Waiver,
    build,
    canonical,
    decode,
    digest_of,
    same_content,
)
from config_center.resolve import Resolver
from inspector_agent.wire import UInt32
from tests.support.center import item, layer, release_of

SOME = release_of(
    layer("10-a", {"sysctl:b": item(3, at_most=1), "sysctl:a": item(2)}),
    layer("20-b", {"sysctl:b": item(5, at_least=2.5), "file:/é": item(6, one_of=["x", 1, True])}, zone="b"),
    number=12,
)
CHECK = SiteCheck(name="raid", file="checks/raid", sha256="0" * 64, bytes=3)


def test_the_document_is_what_the_plan_of_the_format_says() -> None:
    """Schema, item table, layers with match and lines, metadata left out where empty, no digest inside."""
    document = json.loads(canonical(SOME))
    assert document["schema"] == "inspector.release/1"
    assert (document["number"], document["created"], document["message"]) == (12, "2030-01-01T00:00:00Z", "")
    assert document["items"] == ["file:/é", "sysctl:a", "sysctl:b"]
    assert "digest" not in document
    assert document["layers"][1]["match"] == {"zone": {"any": ["b"]}}
    assert document["layers"][1]["items"]["sysctl:b"] == {
        "line": 5, "expect": {"value": {"at_least": 2.5}}, "with": {}, "severity": "major", "timeout_s": 2.0,
    }  # fmt: skip


def test_waivers_are_content_and_what_is_restored_is_not() -> None:
    """Another waiver is another release to publish; a rollback is the old content under a new number."""
    made = msgspec.convert(WAIVER, Waiver)
    waived = release_of(*SOME.layers, number=13, waivers=[made])
    assert decode(canonical(waived)).waivers == (made,)
    assert not same_content(waived, release_of(*SOME.layers, number=13))
    older = release_of(*SOME.layers, number=14, restores=12)
    assert same_content(older, SOME)
    assert decode(canonical(older)).restores == 12


def test_canonical_bytes_are_pinned() -> None:
    """These very bytes: a change of them would give every published release another name."""
    raw = canonical(release_of(layer("a", {"sysctl:é": item(1, at_most=1.5, at_least=1)}), number=3))
    assert raw.decode() == (
        '{"checks":[],"created":"2030-01-01T00:00:00Z","items":["sysctl:é"],"layers":[{"file":"layers/a.yml","items":'
        '{"sysctl:é":{"expect":{"value":{"at_least":1,"at_most":1.5}},"line":1,"severity":"major","timeout_s":2.0,'
        '"with":{}}},"match":{},"name":"a"}],"message":"","number":3,"restores":0,"schema":"inspector.release/1","waivers":[]}'
    )
    assert digest_of(raw) == hashlib.sha256(raw).hexdigest()


def test_a_release_survives_the_wire() -> None:
    """decode(canonical(x)) is x, digest included, and its bytes again are the same."""
    raw = canonical(SOME)
    assert decode(raw, SOME.digest) == SOME
    assert canonical(decode(raw)) == raw
    assert SOME.digest == digest_of(raw)


scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
)


@given(json_values)
@settings(deadline=None)
def test_canonical_bytes_depend_on_content_alone(value: Any) -> None:
    """The order in which dicts were filled does not show; writing what was read gives the same bytes."""

    def turned(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: turned(inner) for key, inner in reversed(part.items())}
        return [turned(inner) for inner in part] if isinstance(part, list) else part

    try:
        raw = canonical_bytes(value)
    except UnicodeEncodeError:
        return  # half a surrogate pair: cannot be said in UTF-8
    assert canonical_bytes(turned(value)) == raw
    assert canonical_bytes(json.loads(raw)) == raw


operands = st.one_of(
    st.booleans(), st.integers(0, 3), st.sampled_from([0.0, 1.0, 1.5]), st.sampled_from(["", "1", "x"])
)
expectations = st.dictionaries(st.sampled_from(["equals", "at_most"]), operands, min_size=1, max_size=2)
contents = st.lists(
    st.tuples(
        st.sampled_from(["", "a", "b"]), st.dictionaries(st.sampled_from(["s:a", "s:b"]), expectations, max_size=2)
    ),
    max_size=3,
)


def _release(content: list[tuple[str, dict[str, dict[str, Any]]]], number: int = 1) -> Release:
    layers = [
        layer(
            str(index), {name: item(1, **expect) for name, expect in items.items()}, **({"zone": zone} if zone else {})
        )
        for index, (zone, items) in enumerate(content)
    ]
    return release_of(*layers, number=number)


@given(contents, contents)
@settings(deadline=None, max_examples=300)
def test_the_digest_changes_exactly_when_the_content_does(one: Any, other: Any) -> None:
    """Equal content, equal digest; any difference, also of type (1, 1.0, true, "1"), another one."""
    first, second = _release(one), _release(other)
    equal = repr(_plain(one)) == repr(_plain(other))
    assert (first.digest == second.digest) == equal
    assert same_content(first, second) == equal
    assert same_content(first, _release(one, number=2))
    assert first.digest != _release(one, number=2).digest


def _plain(content: Any) -> Any:
    """With dicts as sorted pairs, so that repr tells content and types, not order."""
    if isinstance(content, dict):
        return sorted((key, _plain(value)) for key, value in content.items())
    return [_plain(value) for value in content] if isinstance(content, list | tuple) else content


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=300)
def test_arbitrary_bytes_are_a_release_error_and_nothing_else(raw: bytes) -> None:
    """Whatever comes, one error is raised."""
    with pytest.raises(ReleaseError):
        decode(raw)


ITEM = "layers/0/items/sysctl:a"
WAIVER: dict[str, Any] = {
    "source": "waivers.yml:2", "items": ["sysctl:*"], "match": {}, "owner": "o", "reason": "r", "ticket": "t",
    "expires": "2031-01-31",
}  # fmt: skip
RICH = Layer(
    "30-c",
    "layers/30-c.yml",
    {"zone": Term(any=("[1-3]*", "b"), none=("c",)), "fact.v": Term(at_least="6.1", below="7")},
    {
        "sysctl:a": msgspec.structs.replace(item(4, contains=["${p}", "$${x}"]), action="append"),
        "sysctl:b": msgspec.structs.replace(item(5), action="unset", expect={}),
        "sysctl:c": msgspec.structs.replace(item(6), from_file={"text": {"contains": "/etc/x"}}, secret=True),
    },
    {"p": Variable(2, "q")},
    "zone",
)


@given(st.data())
@settings(deadline=None, max_examples=300)
def test_a_changed_byte_is_noticed(data: st.DataObject) -> None:
    """With the digest it is always refused; without, it is refused, or can still be resolved."""
    full = release_of(*SOME.layers, RICH, number=13, waivers=[msgspec.convert(WAIVER, Waiver)])
    raw = bytearray(canonical(full))
    index = data.draw(st.integers(0, len(raw) - 1))
    raw[index] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ReleaseError, match="cut short or changed"):
        decode(bytes(raw), full.digest)
    try:
        found = decode(bytes(raw))
    except ReleaseError:
        return
    resolver = Resolver(found)
    assert "node" not in resolver.asks
    for zone in ("a", "b"):
        resolver.baseline("n1", {"zone": zone, "fact.v": "6.1"})


@pytest.mark.parametrize("cut", range(0, 700, 7))
def test_a_truncated_release_is_refused(cut: int) -> None:
    """A download that ends early never becomes a release, digest or not."""
    with pytest.raises(ReleaseError):
        decode(canonical(SOME)[: cut % len(canonical(SOME))])


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        *way, last = path.split("/")
        at: Any = document
        for step in way:
            at = at[int(step) if step.isdigit() else step]
        at[int(last) if last.isdigit() else last] = value

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_set("schema", "inspector.release/2"), "this program reads 'inspector.release/1': upgrade it"),
        (_set("number", 0), "counts from 1"),
        (_set("number", "12"), "malformed"),
        (_set("items", ["sysctl:b", "sysctl:a", "file:/é"]), "item table"),
        (_set("items", ["file:/é", "sysctl:a"]), "item table"),
        (_set("items", ["file:/é", "sysctl:a", "sysctl:b", "sysctl:c"]), "item table"),
        (_set("layers/0/match", {"zone": {}}), "nothing would match"),
        (_set("layers/0/match", {"zone": ["b"]}), "malformed"),
        (_set("layers/0/match", {"zone": {"any": ["n[1-"]}}), "without its"),
        (_set("layers/0/file", "layers/\x1b[31m.yml"), "unprintable"),
        (_set(ITEM + "/severity", "bad"), "severity 'bad'"),
        (_set(ITEM + "/timeout_s", 1e9), "timeout"),
        (_set(ITEM + "/timeout_s", 0), "timeout"),
        (_set(ITEM + "/expect", {}), "expects nothing"),
        (_set(ITEM + "/expect", {"value": {}}), "expects nothing"),
        (_set(ITEM + "/expect", {"value": {"equals": {"deep": 1}}}), "malformed"),
        (_set(ITEM + "/expect", {"value": {"equals": [[1]]}}), "malformed"),
        (_set(ITEM + "/expect", {"value": {"equals": None}}), "malformed"),
        (_set("checks", [{"name": "../x", "file": "f", "sha256": "0" * 64, "bytes": 1}]), "is no check"),
        (_set("checks", [{"name": "x", "file": "f", "sha256": "0" * 63, "bytes": 1}]), "is no check"),
        (_set("checks", [{"name": "x", "file": "f", "sha256": "0" * 64, "bytes": 10**9}]), "too big"),
        (_set("checks", [{"name": "x", "file": "f", "sha256": "0" * 64, "bytes": -1}]), "too big"),
        (_set("checks", [{"name": "x", "file": "f", "sha256": "0" * 64, "bytes": 1}] * 2), "stands twice"),
        (_set("message", "x" * 5000), "message"),
        (_set("restores", 12), "restores an earlier one"),
        (_set("restores", -1), "restores an earlier one"),
        (_set("layers/0/match", {"zone": {"below": "new"}}), "no number or version"),
        (_set("layers/0/match", {f"k{n}": {"any": ["a"]} for n in range(99)}), "at most 64 keys"),
        (_set("layers/0/dimension", "a\nb"), "unprintable"),
        (_set("layers/0/variables", {"a b": {"line": 1, "value": "x"}}), "cannot name a variable"),
        (_set("layers/0/variables", {"a": {"line": 1, "value": "x" * 9999}}), "more than 1024 characters"),
        (_set("layers/0/variables", {f"v{n}": {"line": 1, "value": ""} for n in range(1001)}), "1001 variables"),
        (_set(ITEM + "/action", "drop"), "malformed"),
        (_set(ITEM + "/action", "unset"), "is unset, and expects something"),
        (_set(ITEM + "/action", "append"), "appends something else than lists"),
        (_set(ITEM + "/expect", {"value": {"equals": "${a"}}), "names nothing"),
        (_set(ITEM + "/expect", {"value": {"one_of": ["x", "${}"]}}), "names nothing"),
        (_set(ITEM + "/with", {"argv": ["${a b}"]}), "names nothing"),
        (_set(ITEM + "/from_file", {"value": {"equals": "/x"}}), "twice, in the layer and in a file"),
        (_set(ITEM + "/from_file", {"value": {"contains": "x"}}), "reads no absolute path"),
        (_set(ITEM + "/from_file", {"value": {"contains": "/a/../b"}}), "reads no absolute path"),
        (_set(ITEM + "/from_file", {"value": {}}), "expects nothing"),
        (_set("waivers", [WAIVER | {"expires": "2031-1-1"}]), "is no day"),
        (_set("waivers", [WAIVER | {"expires": "2031-13-01"}]), "is no day"),
        (_set("waivers", [WAIVER | {"ticket": ""}]), "lacks its source, owner, reason or ticket"),
        (_set("waivers", [WAIVER | {"items": []}]), "at least one item"),
        (_set("waivers", [WAIVER | {"items": ["a["]}]), "without its"),
        (_set("waivers", [WAIVER | {"items": ["a"] * 257}]), "more than 256 patterns"),
        (_set("waivers", [WAIVER | {"match": {"zone": {}}}]), "nothing would match"),
        (_set("waivers", [WAIVER] * 1001), "1001 waivers"),
        (_set("waivers", [WAIVER | {"items": ["a"] * 200}] * 60), "12000 items to waive"),
    ],
)
def test_a_release_that_breaks_a_rule_is_refused(change: Callable[[dict[str, Any]], None], why: str) -> None:
    """What `decode` returns can be used as it is: every rule is held before."""
    document = json.loads(canonical(SOME))
    change(document)
    with pytest.raises(ReleaseError, match=why.replace("(", r"\(").replace("[", r"\[")):
        decode(json.dumps(document).encode())


@pytest.mark.parametrize(
    "name", ["sysctl", ":x", "sysctl:", "Sysctl:x", "sysctl:a\nb", "sysctl: a", "../x:y", "s:" + "x" * 999]
)
def test_a_bad_item_id_is_refused(name: str) -> None:
    """An id is `<check>:<key>`, printable throughout, and the check's name could be a file's."""
    with pytest.raises(ReleaseError, match="is no item id"):
        release_of(layer("a", {name: item()}))


def test_what_is_unknown_but_harmless_is_passed_over() -> None:
    """A later minor version may add fields; the digest holds them too."""
    document = json.loads(canonical(SOME)) | {"hint": "new", "digest": "forged"}
    raw = json.dumps(document).encode()
    found = decode(raw)
    assert found.digest == digest_of(raw)
    assert found.layers == SOME.layers


def test_sizes_are_bounded_on_both_sides() -> None:
    """Too much of anything is refused where it is built and where it is decoded."""
    with pytest.raises(ReleaseError, match="too big"):
        decode(b" " * (limits.release_bytes_max + 1))
    with pytest.raises(ReleaseError, match="different items"):
        release_of(layer("a", {f"s:{index}": item() for index in range(limits.items_max + 1)}))
    big = LayerItem(line=1, expect={"v": {"any": True}}, with_={}, severity="info", timeout_s=1, rationale="x" * 4000)
    with pytest.raises(ReleaseError, match="shorten titles"):
        release_of(layer("a", {f"s:{index}": big for index in range(2200)}))


def test_deep_nesting_is_malformed_not_a_crash() -> None:
    """Recursion ends in the one error."""
    for raw in (b"[" * 200_000, b'{"schema":' * 100_000, b'{"schema":"inspector.release/1","x":' + b"[" * 200_000):
        with pytest.raises(ReleaseError):
            decode(raw)


def test_half_a_surrogate_pair_cannot_be_published() -> None:
    """What UTF-8 cannot say is an error of ours, with the rest of its kind."""
    with pytest.raises(CenterError, match="JSON cannot say"):
        build([Layer("a", "a", {}, {})], [CHECK], number=1, created="", message="\ud800")


def test_what_the_agent_loads_is_light() -> None:
    """The cores an agent imports bring nothing but msgspec: no YAML, no server, no command line, no OpenSSL."""
    program = (
        "import sys, msgspec; before = set(sys.modules)\n"
        "import config_center.release, config_center.resolve, config_center.match, config_center.expectation\n"
        "import config_center.pointer, config_center.keys\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "config_center.resolve" in loaded
    heavy = {"yaml", "starlette", "typer", "trio", "hashlib", "_hashlib", "ssl", "asyncio", "dataclasses", "nacl"}
    assert heavy & set(loaded) == set()


def test_a_number_that_the_wire_cannot_carry_is_refused() -> None:
    """It could never be asked about, and as no later one is higher it would hold every agent for good."""
    assert any(getattr(one, "le", None) == limits.release_number_max for one in get_args(UInt32))
    most = limits.release_number_max
    assert decode(canonical(msgspec.structs.replace(SOME, number=most))).number == most
    for number in (most + 1, 2**63, 0, -1):
        with pytest.raises(ReleaseError, match=f"a release number counts from 1 to {most}, this one is {number}"):
            decode(canonical(msgspec.structs.replace(SOME, number=number)))
