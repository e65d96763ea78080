"""Publishing from the command line: shown, asked, recorded; canary, promotion, rollback; two people at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from config_center.pointer import decode_pointer
from config_center.rows import NodeRow
from tests.support.center import write_fleet
from tests.support.center_cli import CenterCli
from tests.support.postgres import Postgres


@pytest.fixture
def center(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CenterCli:
    monkeypatch.chdir(tmp_path)
    return CenterCli(tmp_path, capsys, monkeypatch)


def kinds(center: CenterCli) -> list[tuple[str, int]]:
    """(kind, number) of all acts, newest first."""
    return [(act.kind, act.number) for act in center.database.acts()]


def test_publish_shows_numbers_and_says_when_nothing_changed(center: CenterCli) -> None:
    """The second time there is nothing to do, and that is no error; a folder that lags behind is brought up to date."""
    run = center.done("publish", "fleet", "-m", "first")
    digest = center.database.current().digest
    assert run.out.splitlines() == [
        f"release 1 ({digest[:12]}):",
        "+ layers/00-fleet.yml  every node",
        "    + sysctl:a  1",
        "    + sysctl:b  at_most 5",
        "+ layers/10-b.yml  zone=b",
        "    + sysctl:b  at_most 3; severity minor",
        "no node is known here: name them with --roster FILE (`inspector nodes --json` makes one)",
        f"release 1 ({digest[:12]}): published; store fleet/published/center.db",
    ]
    assert center.database.current().message == "first"
    run = center("publish", "fleet", "-m", "second", "--to", "www")
    said = f"release 1 ({digest[:12]}): nothing changed, it stays; store fleet/published/center.db\n"
    assert (run.code, run.out) == (0, said)
    assert decode_pointer(Path("www/current.json").read_bytes()).digest == digest
    assert center("publish", "fleet", "--json").json == {
        "number": 1, "digest": digest, "new": False, "store": "fleet/published/center.db", "to": [],
    }  # fmt: skip


def test_publish_as_json(center: CenterCli) -> None:
    """All of it: what, where, what differs, whom it touches."""
    center.done("publish", "fleet")
    center.change(2)
    Path("roster.json").write_text('[{"name": "n1", "tags": {"zone": "b"}}, {"name": "n2", "tags": {}}]')
    run = center.done("publish", "fleet", "--roster", "roster.json", "--to", "www", "--json")
    document = run.json
    assert (document["kind"], document["number"], document["serial"], document["new"]) == ("publish", 2, 2, True)
    assert (document["to"], document["signed_by"], document["announced"]) == (["www"], [], False)
    assert document["nodes"]["touched"] == "n[1-2]"
    assert document["difference"]["layers"][0]["items"][0] == {
        "item": "sysctl:a", "state": "changed", "deltas": [{"what": "expect", "before": "1", "after": "2"}],
    }  # fmt: skip


def test_publish_touches_the_nodes_that_the_store_knows(center: CenterCli) -> None:
    """They told it about themselves."""
    center.done("publish", "fleet")
    for name, zone in (("n1", "a"), ("n2", "b")):
        center.database.put_node(NodeRow(name=name, tags={"zone": zone}, facts={}, seen="2030-01-01T00:00:00Z", sent=1))
    write_fleet(center.fleet, {"10-b.yml": "match: {zone: b}\nitems: {sysctl: {b: {at_most: 2}}}\n"})
    run = center("publish", "fleet", "--dry-run")
    assert "touches 1 of 2 known nodes:" in run.out
    assert "severity minor -> major" in run.out
    assert run.out.endswith("dry run: nothing was published\n")
    assert kinds(center) == [("publish", 1)]


def test_a_dry_run_makes_no_store(center: CenterCli) -> None:
    """Not even an empty one."""
    assert center("publish", "fleet", "--dry-run").code == 0
    assert not center.store.exists()


def test_publish_refuses_mistakes(center: CenterCli) -> None:
    """Exit 1, all of them on stderr, nothing written."""
    write_fleet(center.fleet, {"20.yml": "", "30.yml": ""})
    run = center("publish", "fleet", "--yes", "--to", "www")
    assert (run.code, run.out) == (1, "")
    assert run.err.splitlines()[-1] == "2 mistakes in 2 files"
    assert not center.store.exists()
    assert not Path("www").exists()


def test_without_a_terminal_somebody_must_have_said_yes(center: CenterCli) -> None:
    """A pipeline that forgot --yes publishes nothing."""
    run = center("publish", "fleet")
    assert run.code == 2
    assert "nobody can be asked: nothing was done; --yes does it unasked" in run.err
    assert not center.store.exists()


def test_the_question_at_a_terminal(center: CenterCli) -> None:
    """Yes publishes."""
    with center.at_a_terminal("publish", "fleet") as terminal:
        terminal.until("for everybody? [y/N] ")
        terminal.type(b"y\n")
        run = terminal.end()
    assert (run.code, "published" in run.out) == (0, True)
    assert kinds(center) == [("publish", 1)]


@pytest.mark.parametrize("keys", [b"\n", b"n\n", b"yess\n", b"\x04"])
def test_anything_but_yes_at_the_question_leaves_nothing(center: CenterCli, keys: bytes) -> None:
    """Also the end of the input."""
    with center.at_a_terminal("publish", "fleet") as terminal:
        terminal.until("[y/N] ")
        terminal.type(keys)
        run = terminal.end()
    assert run.code == 2
    assert run.err.endswith("config-center: not agreed to: nothing was done\n")
    assert not center.store.exists()


def test_ctrl_c_at_the_question_leaves_nothing(center: CenterCli) -> None:
    """One sentence, no traceback."""
    with center.at_a_terminal("publish", "fleet") as terminal:
        terminal.until("[y/N] ")
        terminal.interrupt()
        run = terminal.end()
    assert run.code == 2
    assert run.err.endswith("config-center: interrupted: nothing was done\n")
    assert "Traceback" not in run.err
    assert not center.store.exists()


def test_two_publishers_at_once(center: CenterCli) -> None:
    """Who answers late is told to look again; no number is given twice."""
    center.done("publish", "fleet")
    center.change(2)
    with center.at_a_terminal("publish", "fleet") as slow:
        slow.until("[y/N] ")
        center.change(3)
        center.done("publish", "fleet")
        slow.type(b"y\n")
        run = slow.end()
    assert run.code == 2
    assert "somebody else published meanwhile, and nothing of this was: look at the difference again" in run.err
    assert kinds(center) == [("publish", 2), ("publish", 1)]


def test_the_life_of_a_canary(center: CenterCli) -> None:
    """Tried, tried again with more, promoted; numbers only count up."""
    center.done("publish", "fleet")
    center.change(2)
    run = center.done("publish", "fleet", "--canary", "rack=b1", "--canary", "rack=b2", "--canary", "fact.os!=debian")
    assert "for fact.os not debian  rack=b1,b2: published as a canary" in run.out
    center.change(3)
    run = center.done("publish", "fleet", "--canary", "zone=b")
    assert "release 2, the canary that is out, ends with it" in run.err
    pointer = decode_pointer(center.database.pointer_bytes() or b"")
    assert (pointer.number, pointer.canary and pointer.canary.number) == (1, 3)
    assert center("publish", "fleet", "--canary", "zone=b").out.startswith("release 1 ")  # nothing changed
    run = center.done("promote", "fleet", "--export", "www")
    assert "is everybody's now" in run.out
    pointer = decode_pointer(Path("www/current.json").read_bytes())
    assert (pointer.serial, pointer.number, pointer.canary) == (4, 3, None)
    assert kinds(center) == [("promote", 3), ("canary", 3), ("canary", 2), ("publish", 1)]
    assert center("promote", "fleet", "--yes").err.startswith("config-center: there is no canary to promote")


def test_publishing_what_the_canary_has_promotes_it(center: CenterCli) -> None:
    """The same content needs no other number; other content ends the canary."""
    center.done("publish", "fleet")
    center.change(2)
    center.done("publish", "fleet", "--canary", "zone=b")
    assert center.done("publish", "fleet", "--json").json["kind"] == "promote"
    center.change(3)
    center.done("publish", "fleet", "--canary", "zone=b")
    center.change(4)
    run = center.done("publish", "fleet")
    assert "release 3, the canary that is out, ends with it" in run.err
    assert decode_pointer(center.database.pointer_bytes() or b"").canary is None
    assert kinds(center)[0] == ("publish", 4)


def test_rollback(center: CenterCli) -> None:
    """Twice goes back two steps, under new numbers; with a number to that one."""
    for value in (1, 2, 3):
        center.change(value)
        center.done("publish", "fleet")
    run = center.done("rollback", "fleet", "-m", "it swaps")
    assert "release 4 (" in run.out
    assert "with the content of release 2" in run.out
    assert "~ sysctl:a  3 -> 2" in run.out
    center.done("rollback", "fleet")
    current = center.database.current()
    assert (current.number, current.restores) == (5, 1)
    assert center("rollback", "fleet", "--yes").code == 2
    center.done("rollback", "fleet", "--to", "4")
    assert center.database.current().restores == 2
    assert center.database.latest().why == ""  # type: ignore[union-attr]
    assert "has the content of 2 already" in center("rollback", "fleet", "--to", "2", "--yes").err
    assert "has no release 77" in center("rollback", "fleet", "--to", "77", "--yes").err


def test_rollback_of_a_canary(center: CenterCli) -> None:
    """Takes it back: everybody, those nodes too, gets what the others have, under a new number."""
    center.done("publish", "fleet")
    center.change(2)
    center.done("publish", "fleet", "--canary", "zone=b")
    run = center.done("rollback", "fleet")
    assert "~ sysctl:a  2 -> 1" in run.out
    current = center.database.current()
    assert (current.number, current.restores) == (3, 1)
    assert decode_pointer(center.database.pointer_bytes() or b"").canary is None


def test_a_canary_needs_a_release_that_the_others_keep(center: CenterCli) -> None:
    """And one that differs."""
    assert "publish one for everybody first" in center("publish", "fleet", "--canary", "rack=b1", "--yes").err
    center.done("publish", "fleet")
    assert "nothing changed" in center("publish", "fleet", "--canary", "rack=b1").out


@pytest.mark.parametrize("word", ["rack", "=b1", "rack=", "rack=[", "node=n[2-1]", "fact.kernel>=x", "a<1 b<2"])
def test_a_canary_that_cannot_be_read(center: CenterCli, word: str) -> None:
    """It is named."""
    run = center("publish", "fleet", "--canary", word, "--yes")
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert run.err.startswith(f"config-center: --canary {word!r}: ")


@pytest.mark.parametrize("command", ["promote", "rollback", "log", "status"])
def test_nothing_published_yet(center: CenterCli, command: str) -> None:
    """One sentence; a folder is no store."""
    run = center(command, "fleet")
    assert run.code == 2
    assert "config-center publish makes it" in run.err
    assert "is a folder, which can only mirror a store" in center(command, "fleet", "--store", "fleet").err


def test_an_export_that_fails_does_not_take_the_act_back(center: CenterCli) -> None:
    """It is said, with exit 2, and the other folders are served."""
    Path("taken").write_text("")
    run = center("publish", "fleet", "--yes", "--to", "taken", "--to", "www")
    assert run.code == 2
    assert "act 1 is recorded, but: taken was not exported to" in run.err
    assert Path("www/current.json").exists()
    assert kinds(center) == [("publish", 1)]


def test_the_log(center: CenterCli) -> None:
    """Newest first: what, when, who, why; and as JSON."""
    center.done("publish", "fleet", "-m", "first\x1b[31m")
    center.change(2)
    center.done("publish", "fleet", "--canary", "rack=b1", "-m", "try")
    lines = center("log", "fleet").out.splitlines()
    assert len(lines) == 2
    assert lines[0].split("  ")[1:4] == ["   2", "canary ", "release 2"] or "canary" in lines[0]
    assert '"first·[31m"' in lines[1]
    assert "rack=b1" in lines[0]
    assert "unsigned" in lines[0]
    newest, first = center("log", "fleet", "--json").json
    assert (newest["serial"], newest["kind"], newest["why"], newest["canary"]) == (2, "canary", "try", "rack=b1")
    assert (first["number"], first["unclean"], first["keys"]) == (1, False, [])
    assert "@" in first["who"]
    assert len(center("log", "fleet", "-n", "1").out.splitlines()) == 1


@pytest.mark.parametrize("command", ["publish", "promote", "rollback", "revoke", "diff", "log", "keygen", "status"])
def test_help_has_an_example(center: CenterCli, command: str) -> None:
    """That can be copied as it stands."""
    run = center(*([command, "--help"]))
    assert run.code == 0
    assert f"\n    config-center {command}" in run.out


def test_the_store_may_be_a_postgresql(center: CenterCli, postgresql: Postgres) -> None:
    """Every act, by its URL."""
    where = ("--store", postgresql.create())
    center.done("publish", "fleet", *where)
    center.change(2)
    center.done("publish", "fleet", "--canary", "zone=b", *where)
    center.done("promote", "fleet", *where)
    center.done("rollback", "fleet", *where)
    assert [act["kind"] for act in center("log", "fleet", "--json", *where).json] == [
        "rollback", "promote", "canary", "publish",
    ]  # fmt: skip
    assert not center.store.exists()


def test_diff_in_every_form(center: CenterCli) -> None:
    """Directories, numbers, digests, words; and in both directions."""
    center.done("publish", "fleet")
    center.change(2)
    first = center.database.current()
    assert center("diff", "fleet").out.splitlines()[:3] == [
        f"release 1 ({first.digest[:12]}) -> the layers of fleet:",
        "~ layers/00-fleet.yml  every node",
        "    ~ sysctl:a  1 -> 2",
    ]
    center.done("publish", "fleet", "--canary", "zone=b")
    store = ("--store", str(center.store))
    for before, after in (("1", "2"), (first.digest[:8], "canary"), ("current", "2"), ("1", "fleet")):
        assert "    ~ sysctl:a  1 -> 2" in center("diff", before, after, *store).out
    assert "    ~ sysctl:a  2 -> 1" in center("diff", "2", *store).out
    assert center("diff", "1", "current", *store).out.splitlines()[1:] == ["nothing differs"]
    Path("roster.yml").write_text("n1: {zone: b, size: 010}\nn2: {}\n")
    document = center("diff", "1", "2", *store, "--roster", "roster.yml", "--json").json
    assert (document["from"]["number"], document["to"]["number"]) == (1, 2)
    assert document["nodes"]["changes"][0]["nodes"] == "n[1-2]"
    write_fleet(center.home / "other", {"00-fleet.yml": "items: {sysctl: {a: 1}}\n"})
    assert "    - sysctl:b  at_most 5" in center("diff", "fleet", "other").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["9"], "no release 9"),
        (["abcdef"], "no release in"),
        (["canary"], "has no canary just now"),
        (["nowhere"], "nowhere is neither a directory nor a release"),
        (["1", "--roster", "nowhere"], "nowhere cannot be read"),
    ],
)
def test_a_diff_that_cannot_be(center: CenterCli, words: list[str], said: str) -> None:
    """Exit 2 and what is wrong."""
    center.done("publish", "fleet")
    run = center("diff", *words, "--store", str(center.store))
    assert (run.code, said in run.err) == (2, True), run.err


@pytest.mark.parametrize(
    "text", ["[1]", '[{"tags": {}}]', '{"n1": {"a": 1}}', '{"n1": 1}', "{", "a: [1]\nb: [", "- n1", "n1: {a: [b]}"]
)
def test_a_roster_that_cannot_be_read(center: CenterCli, text: str) -> None:
    """Says which forms there are."""
    center.done("publish", "fleet")
    Path("roster").write_text(text)
    run = center("diff", "1", "--store", str(center.store), "--roster", "roster")
    assert (run.code, "a roster is what `inspector nodes --json`" in run.err) == (2, True), run.err


def test_the_rosters_that_can_be_read(center: CenterCli) -> None:
    """Of the inspector, of the config center, by hand."""
    center.done("publish", "fleet")
    write_fleet(center.fleet, {"10-b.yml": "match: {zone: b, fact.os: debian}\nitems: {sysctl: {b: {at_most: 1}}}\n"})
    one = {"tags": {"zone": "b"}, "facts": {"os": "debian"}}
    for roster in ([{"name": "n1", **one}], {"schema": "inspector.nodes/1", "nodes": {"n1": one}},
                   {"n1": {"zone": "b", "fact.os": "debian"}}):  # fmt: skip
        Path("roster").write_text(json.dumps(roster))
        changes = center("diff", "fleet", "--roster", "roster", "--json").json["nodes"]["changes"]
        expected = [] if isinstance(roster, dict) and "n1" in roster else ["sysctl:b"]
        assert [change["item"] for change in changes if change["deltas"][0]["after"] == "at_most 1"] == expected
