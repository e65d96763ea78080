"""Nodes for other programs: the commands, the real ansible-inventory, and the real nodeset of ClusterShell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config_center.errors import CenterError
from config_center.inventory import ansible_list, cluster_groups, read_nodes, usable
from config_center.node_record import nodes_document
from tests.support.center_cli import CenterCli
from tests.support.nodes import FLEET, ODD, node, served

REPOSITORY = Path(__file__).parent.parent.parent
PROGRAMS = Path(sys.executable).parent


def run(home: Path, *argv: str, **environment: str) -> str:
    """A real program of this Python's environment; its stdout."""
    found = subprocess.run(
        [str(PROGRAMS / argv[0]), *argv[1:]], cwd=home, capture_output=True, text=True, timeout=100, check=False,
        env={**os.environ, "HOME": str(home), "LC_ALL": "C.UTF-8", "PYTHONPATH": str(REPOSITORY), **environment},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.fixture
def center(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CenterCli:
    """A fleet's directory, published, whose store knows some nodes."""
    monkeypatch.chdir(tmp_path)
    cli = CenterCli(tmp_path, capsys, monkeypatch)
    cli.done("publish", "fleet")
    cli.database.put_nodes([*FLEET, *ODD])
    return cli


def test_nodes_are_listed_folded_and_asked_about(center: CenterCli) -> None:
    """A table for people, `nodes.json` for programs; how many on stderr."""
    ran = center("nodes", "zone = b and name ~ n*", "--dir", "fleet", "--fields", "zone")
    assert ran.code == 0, ran.err
    head, row = ran.out.splitlines()
    assert head.split() == ["nodes", "count", "zone", "seen", "before"]
    assert row.split()[:3] == ["n[002-003,010],n[1-9]", "4", "b"]
    assert ran.err == "4 of 7 nodes\n"
    found = center("nodes", "kernel < 6.1", "--dir", "fleet", "--json").json
    assert sorted(found["nodes"]) == ["n002", "n003"]
    assert read_nodes(json.dumps(found).encode())[0].facts["kernel"] == "5.10.0-9"


def test_a_hostile_name_does_not_steer_the_terminal(center: CenterCli) -> None:
    """Nor does markup in a tag."""
    center.database.put_node(node("n\x1b[31m", {"zone": "[red]x"}))
    ran = center("nodes", "--dir", "fleet", "--fields", "zone,name")
    assert "\x1b" not in ran.out
    assert "[red]x" in ran.out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["nodes", "kernle < 6"], "did you mean kernel?"),
        (["nodes", "--fields", "zoen"], "did you mean zone?"),
        (["nodes", "--forget", "n01"], "n01 is not known; did you mean n011?"),
        (["nodes", "--forget", "n001", "zone = b"], "nothing else beside it"),
        (["nodes", "--from", "file:///etc/passwd"], "begins with http"),
        (["nodes", "--from", "http://127.0.0.1:1", "--store", "x.db"], "give one of them"),
        (["groups", "--source", "zoen"], "did you mean zone?"),
        (["groups", "--map", "b"], "name it with --source"),
    ],
)
def test_what_cannot_be_done_is_said(center: CenterCli, words: list[str], why: str) -> None:
    """Exit 2, and a sentence."""
    ran = center(*words, "--dir", "fleet")
    assert (ran.code, ran.out) == (2, "")
    assert why in ran.err


def test_a_node_is_forgotten_with_its_key(center: CenterCli) -> None:
    """Until it tells about itself again."""
    ran = center("nodes", "--forget", "n001", "--dir", "fleet")
    assert (ran.code, ran.err) == (0, "n001 is forgotten: the next key it signs with becomes its key\n")
    assert center.database.node("n001") is None


@pytest.mark.parametrize("gzipped", [False, True])
def test_nodes_come_from_a_center_by_its_url(center: CenterCli, *, gzipped: bool) -> None:
    """As from the store; a center that is not there is an error that names it."""
    with served(FLEET, gzipped=gzipped) as url:
        assert sorted(center("nodes", "zone = b", "--from", url, "--json").json["nodes"]) == ["n002", "n003", "n010"]
    gone = center("nodes", "--from", url)
    assert gone.code == 2
    assert f"{url}/nodes.json cannot be had" in gone.err


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"{", b'{"schema":"inspector.nodes/2","nodes":{}}', b'{"schema":"inspector.nodes/1","nodes":[]}',
     b'{"schema":"inspector.nodes/1","nodes":{"a":{"tags":{"a":1}}}}', b"[" * 100_000, b"\xff"],
)  # fmt: skip
def test_what_is_no_list_of_nodes_is_refused(raw: bytes) -> None:
    """One error and no other, on any bytes."""
    with pytest.raises(CenterError):
        read_nodes(raw)


def test_nodes_survive_the_wire() -> None:
    """All that others are told of."""
    assert [(row.name, row.tags, row.facts, row.seen) for row in read_nodes(nodes_document(FLEET))] == [
        (row.name, row.tags, row.facts, row.seen) for row in FLEET
    ]


def test_a_node_cannot_tell_ansible_what_to_do() -> None:
    """Its name is no option, its tags are no variables of Ansible's own, and its facts are no templates."""
    rows, bad = usable([*FLEET, *ODD])
    assert bad == ["-oProxyCommand=x", "n[1-9]"]
    document = ansible_list(rows)
    mine = document["_meta"]["hostvars"]["n011"]
    assert set(mine) == {"inspector_tags", "inspector_facts", "inspector_seen"}
    assert mine["inspector_facts"] == {"os_name": "Debian 12"}
    assert "{{" not in json.dumps(document)


NOT_NODES = ["localhost", "LOCALHOST", "127.0.0.1", "all", "ungrouped"]


def test_a_node_is_not_the_machine_that_asks_nor_everybody(tmp_path: Path) -> None:
    """A play for localhost, or delegated to it, does not go to a node that calls itself so."""
    rows = [node(name, {"zone": "b"}) for name in [*NOT_NODES, "all1", "localhost2"]]
    good, bad = usable(rows)
    assert [row.name for row in good] == ["all1", "localhost2"]
    assert bad == NOT_NODES
    with served(rows) as url:
        told = json.loads(run(tmp_path, "ansible-inventory", "-i", str(_plugin(tmp_path, url)), "--list", **PLUGINS))
    assert sorted(told["_meta"]["hostvars"]) == ["all1", "localhost2"]


OVERRIDE = "#jinja2: variable_start_string:'[%', variable_end_string:'%]'\n[% lookup('pipe', 'id') %]"


def test_a_center_cannot_tell_ansible_what_to_do() -> None:
    """Nor can whoever stands between: a template can begin by saying what marks one, and `seen` is no text."""
    rows = [node("n001", {OVERRIDE: "x"}, {"a": OVERRIDE, "b": "c"}, "{{ lookup('pipe', 'id') }}")]
    mine = ansible_list(rows)["_meta"]["hostvars"]["n001"]
    assert mine == {"inspector_tags": {}, "inspector_facts": {"b": "c"}, "inspector_seen": ""}


def _script(home: Path, url: str) -> Path:
    """An inventory script, as the documentation writes it."""
    path = home / "inspector.sh"
    path.write_text(
        f'#!/bin/sh\nexec {sys.executable} -m config_center inventory --from {url} "$@"\n', encoding="utf-8"
    )
    path.chmod(0o755)
    return path


def _plugin(home: Path, url: str) -> Path:
    path = home / "fleet_inspector.yml"
    path.write_text(
        f"plugin: fleet_inspector\nurl: {url}\n"
        "groups:\n  old_kernel: \"'kernel' in inspector_facts and inspector_facts.kernel is version('6.1', '<')\"\n",
        encoding="utf-8",
    )
    return path


PLUGINS = {"ANSIBLE_INVENTORY_PLUGINS": str(REPOSITORY / "playbooks" / "inventory_plugins")}


def _plain(value: Any) -> Any:
    """Ansible marks what it will not take for a template."""
    return value["__ansible_unsafe"] if isinstance(value, dict) else value


@pytest.mark.parametrize("way", [_script, _plugin])
def test_ansible_reads_the_inventory(tmp_path: Path, way: Any) -> None:
    """The script and the plugin say the same: groups by tag and by fact, and variables below names of our own."""
    with served([*FLEET, *ODD]) as url:
        path = way(tmp_path, url)
        told = json.loads(run(tmp_path, "ansible-inventory", "-i", str(path), "--list", **PLUGINS))
        host = json.loads(run(tmp_path, "ansible-inventory", "-i", str(path), "--host", "n011", **PLUGINS))
    assert told["zone_b"]["hosts"] == ["n002", "n003", "n010"]
    assert told["zone_b_1"]["hosts"] == ["n011"]
    assert told["os_debian"]["hosts"] == ["n001", "n002"]
    assert told["model_X_1"]["hosts"] == ["n001", "n002"]
    assert sorted(told["_meta"]["hostvars"]) == ["n001", "n002", "n003", "n010", "n011"]
    assert _plain(told["_meta"]["hostvars"]["n002"]["inspector_facts"]["kernel"]) == "5.10.0-9"
    assert {tag: _plain(value) for tag, value in host["inspector_tags"].items()} == ODD[2].tags
    assert "ansible_host" not in host
    if way is _plugin:
        assert told["old_kernel"]["hosts"] == ["n002", "n003"]


def test_ansible_never_runs_what_a_node_told(tmp_path: Path) -> None:
    """A fact that is a template comes out as it went in, where a playbook uses it."""
    with served([*FLEET, *ODD]) as url:
        path = _plugin(tmp_path, url)
        module = ("-m", "debug", "-a", "msg=<{{ inspector_facts.os }}>", "-c", "local")
        said = run(tmp_path, "ansible", "-i", str(path), "n011", *module, **PLUGINS)
    assert "<{{ lookup('pipe', 'id') }}>" in said
    assert "uid=" not in said


def test_the_plugin_says_what_is_wrong(tmp_path: Path) -> None:
    """A center that is not there, or something else in its place."""
    with served([], raw=b'{"schema": "x"}') as url:
        path = _plugin(tmp_path, url)
        wrong = _failing(tmp_path, path)
    gone = _failing(tmp_path, path)
    assert "is no inspector.nodes/1: is it the config center?" in wrong
    assert "cannot be had" in gone


STRICT = {"ANSIBLE_INVENTORY_UNPARSED_FAILED": "1"}


def _failing(home: Path, path: Path) -> str:
    found = subprocess.run(
        [str(PROGRAMS / "ansible-inventory"), "-i", str(path), "--list"], cwd=home, capture_output=True, text=True,
        timeout=100, check=False, env={**os.environ, "HOME": str(home), **PLUGINS, **STRICT},
    )  # fmt: skip
    assert found.returncode != 0
    return found.stderr.replace("\n", " ")


def test_nodeset_knows_the_groups(center: CenterCli) -> None:
    """As a file of groups.d, and asked by upcalls: the same groups, nodes and all."""
    config = center.home / "config"
    (config / "groups.d").mkdir(parents=True)
    ran = center("groups", "--dir", "fleet")
    assert "left out, because of their names" in ran.err
    (config / "groups.d" / "inspector.yaml").write_text(ran.out, encoding="utf-8")
    ask = f"{sys.executable} -m config_center groups --store {center.store}"
    (config / "groups.conf").write_text(
        f"[Main]\ndefault: zone\nautodir: {config / 'groups.d'}\nconfdir: {config / 'conf.d'}\n", encoding="utf-8"
    )
    (config / "conf.d").mkdir()
    environment = {"CLUSTERSHELL_CFGDIR": str(config), "PYTHONPATH": str(REPOSITORY)}

    def nodeset(*words: str) -> str:
        return run(center.home, "nodeset", *words, **environment).strip()

    assert nodeset("-f", "@zone:b") == "n[002-003,010]"
    assert nodeset("-f", "@os:debian") == nodeset("-f", "@model:X_1") == "n[001-002]"
    assert nodeset("-c", "@zone:b,@rack:a1") == "4"
    (config / "groups.d" / "inspector.yaml").unlink()
    (config / "conf.d" / "inspector.conf").write_text(
        f"[zone,rack,os]\nmap: {ask} --source $SOURCE --map $GROUP\n"
        f"list: {ask} --source $SOURCE --list\nall: {ask} --all\n",
        encoding="utf-8",
    )
    assert nodeset("-f", "@zone:b") == "n[002-003,010]"
    assert nodeset("-s", "zone", "-l").split() == ["@zone:a", "@zone:b", "@zone:b-1"]
    assert nodeset("-s", "os", "-f", "-a") == "n[001-003,010-011]"


def test_groups_are_named_as_clustershell_can_ask_for_them() -> None:
    """A tag goes before a fact of the same name; what has a meaning in a node set is no part of a name."""
    rows = [node("n1", {"os": "own", "a b": "x,y@z"}, {"os": "debian"})]
    assert cluster_groups(rows) == {"os": {"own": ["n1"]}, "a_b": {"x_y_z": ["n1"]}}


def test_half_a_list_is_no_list(center: CenterCli) -> None:
    """A connection that ends early gives an error, and not fewer nodes."""
    with served(FLEET, promised=10_000) as url:
        ran = center("nodes", "--from", url)
    assert (ran.code, ran.out) == (2, "")
    assert "too early" in ran.err
