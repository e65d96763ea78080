"""inspector-agent check: a baseline looked at once, without any ring, as a new user would try it."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from config_center.describe import catalogue_of
from config_center.publishing import publish
from inspector_agent import cli
from inspector_agent.bundled import checks_dir
from tests.support.center import write_fleet

ARRAY = """\
    #!/bin/sh
    [ "$1" = --describe ] && exit 2
    grep -q '"contract": *1' || exit 3
    echo '{"id": "array:md0", "outcome": "fail", "observed": "degraded", "message": "disk 3 is gone"}'
    """
LAYERS = {
    "10-all.yml": """
        items:
          sysctl:
            vm.swappiness:
              {at_most: 10, severity: minor, title: Little swapping, references: policy 7, remediation: swap less}
            net.core.somaxconn: 4096
            kernel.nothing: {any: true, severity: critical, owner: platform}
          file:
            /etc/motd: {expect: {type: file}}
          service:
            cron: active
        """,
    "20-zone-b.yml": """
        match: {zone: b}
        items:
          sysctl:
            vm.swappiness: {at_most: 60}
        """,
}

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Run inspector-agent in this process: (exit code, stdout, stderr)."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["inspector-agent", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small machine below a directory."""
    made = tmp_path / "root"
    for path, text in {
        "proc/sys/vm/swappiness": "60\n",
        "proc/sys/net/core/somaxconn": "4096\n",
        "etc/motd": "hello\n",
    }.items():
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        (made / path).write_text(text, encoding="utf-8")
    return made


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """A fleet's directory of two layers."""
    return write_fleet(tmp_path / "fleet", LAYERS)


def test_what_differs_is_printed_with_where_it_is_written(call: Call, fleet: Path, root: Path) -> None:
    """Worst first; each with expectation, value, file and line, and how to put it right; then the sum."""
    code, out, err = call("check", "--release", fleet, "--root", root, "--name", "n001")
    assert code == 1
    lines = [line.rstrip() for line in out.splitlines()]
    assert lines[0] == f"n001: layers of {fleet}, not published, 5 items"
    assert lines[1] == "  fail   sysctl:kernel.nothing  is absent, expected any"
    assert lines[2] == "         critical, layers/10-all.yml:7, owner platform"
    assert lines[3] == "  fail   sysctl:vm.swappiness   is 60, expected at_most 10"
    assert lines[4] == "         minor, layers/10-all.yml:4, Little swapping, policy 7"
    assert lines[5] == "         to put it right: swap less"
    assert lines[6].startswith("2 pass, 2 fail, 1 na in 0.")
    assert lines[6].endswith(" s; --all says why 1 cannot apply here")
    assert err == ""


def test_tags_decide_which_layers_hold(call: Call, fleet: Path, root: Path) -> None:
    """In zone b the later layer wins."""
    code, out, _ = call(
        "check", "--release", fleet, "--root", root, "--tag", "zone=b", "--item", "sysctl:vm.*", "--all"
    )
    assert code == 0
    assert "pass   sysctl:vm.swappiness  60" in out


def test_everything_is_printed_on_request(call: Call, fleet: Path, root: Path) -> None:
    """What does not apply says why; what passes says what it is."""
    _, out, _ = call("check", "--release", fleet, "--root", root, "--all")
    (na,) = (line for line in out.splitlines() if line.startswith("  na"))
    assert na.split()[1] == "service:cron"
    assert len(na.split()) > 3
    assert "  pass   sysctl:net.core.somaxconn  4096" in out


def test_json_has_every_item(call: Call, fleet: Path, root: Path) -> None:
    """One document, for programs."""
    code, out, _ = call("check", "--release", fleet, "--root", root, "--name", "n001", "--json")
    document = json.loads(out)
    assert code == 1
    assert (document["schema"], document["node"]) == ("inspector.check/1", "n001")
    assert document["counts"] == {"pass": 2, "fail": 2, "error": 0, "na": 1, "waived": 0}
    found = {finding["item"]: finding for finding in document["findings"]}
    assert found["sysctl:vm.swappiness"] | {"ms": 0} == {
        "item": "sysctl:vm.swappiness",
        "outcome": "fail",
        "expected": "at_most 10",
        "observed": "60",
        "message": "expected at_most 10",
        "severity": "minor",
        "title": "Little swapping",
        "source": "layers/10-all.yml:4",
        "references": ["policy 7"],
        "ms": 0,
    }


@pytest.mark.parametrize("form", ["layers", "store", "pointer", "file"])
def test_a_release_is_taken_in_every_form_it_has(
    call: Call, fleet: Path, root: Path, tmp_path: Path, form: str
) -> None:
    """Layers before they are published, and what publishing made of them; each with the site's executables."""
    write_fleet(fleet, {"30-array.yml": "items: {array: {md0: optimal}}\n"}, {"array.sh": ARRAY})
    done = publish(fleet, tmp_path / "center.db", catalogue_of(checks_dir()), to=[tmp_path / "store"]).release
    path = {
        "layers": fleet,
        "store": tmp_path / "store",
        "pointer": tmp_path / "store" / "current.json",
        "file": tmp_path / "store" / "releases" / f"{done.digest}.json",
    }[form]
    code, out, err = call("check", "--release", path, "--root", root, "--item", "array:md0", "--name", "n001")
    about = f"layers of {fleet}, not published" if form == "layers" else f"release 1 ({done.digest[:12]})"
    assert err == ""
    assert code == 1
    assert out.splitlines()[0] == f"n001: {about}, 1 item"
    assert "fail   array:md0  is degraded, expected optimal" in out
    assert "disk 3 is gone" in out


def test_all_pass_is_0(call: Call, fleet: Path, root: Path) -> None:
    """And only the sum is printed."""
    code, out, _ = call("check", "--release", fleet, "--root", root, "--item", "sysctl:net.*", "--name", "n001")
    assert code == 0
    assert len(out.splitlines()) == 2


def test_nothing_applies_is_2_and_called_uncovered(call: Call, tmp_path: Path, root: Path) -> None:
    """Never a pass: neither a node without items, nor one whose items are all na."""
    fleet = write_fleet(tmp_path / "fleet", {"10.yml": "match: {role: db}\nitems: {service: {cron: active}}\n"})
    code, out, _ = call("check", "--release", fleet, "--root", root)
    assert (code, "uncovered: no layer has an item for this node" in out) == (2, True)
    code, out, _ = call("check", "--release", fleet, "--root", root, "--tag", "role=db")
    assert (code, "uncovered: none of its items applies here (1 na)" in out) == (2, True)


def test_every_mistake_of_the_layers_is_printed(call: Call, tmp_path: Path) -> None:
    """With file, line and a suggestion; nothing is checked."""
    fleet = write_fleet(
        tmp_path / "fleet", {"10.yml": "items:\n  sysctl:\n    a.b: {at_mots: 1}\n  sysctk:\n    a.b: 1\n"}
    )
    code, out, err = call("check", "--release", fleet)
    assert (code, out) == (2, "")
    assert "the layers have mistakes, nothing was checked" in err
    assert f"{fleet}/layers/10.yml:3" in err
    assert "did you mean at_most?" in err
    assert f"{fleet}/layers/10.yml:4" in err
    assert "did you mean sysctl?" in err


def test_a_mistake_is_printed_as_it_stands(call: Call, tmp_path: Path) -> None:
    """A URL keeps its slashes."""
    fleet = write_fleet(tmp_path / "fleet", {"10.yml": "items: {http: {'ftp://x//y': 200}}\n"})
    assert (
        f"{fleet}/layers/10.yml:1:16: a key of http begins with http, not so 'ftp://x//y'\n"
        in call("check", "--release", fleet)[2]
    )


def test_a_long_id_moves_no_other_line_and_nothing_is_said_twice(call: Call, tmp_path: Path, root: Path) -> None:
    """What a message adds is printed; that something is expected stands in the line above."""
    (root / "proc/cmdline").write_text("BOOT_IMAGE=/vmlinuz-6.1.0-13-amd64 root=UUID=0a1b ro quiet\n", encoding="utf-8")
    layer = """
        items:
          setting: {"/etc/containerd/config.toml#plugins.a.b.c.d.e.f.g": "true"}
          file: {/etc/motd: {expect: {mode: "0777", content: {contains: [hello, bye]}}}}
          kernel: {cmdline: {contains: [ro, nosmt], lacks: debug}, cmdline.ro: {absent: true}}
        """
    _, out, _ = call("check", "--release", write_fleet(tmp_path / "fleet", {"10.yml": layer}), "--root", root)
    lines = [line for line in out.splitlines()[1:-1] if "major" not in line]
    seen = "is mode 0644, content 6 bytes, sha256 5891b5b522d5…"
    assert lines == [
        f"  fail   {'file:/etc/motd':48}  {seen}, expected content contains [hello, bye], mode 0777",
        "         content without bye",
        f"  fail   {'kernel:cmdline':48}  is without nosmt, expected contains [ro, nosmt] and lacks debug",
        f"  fail   {'kernel:cmdline.ro':48}  is true, expected absent",
        "  fail   setting:/etc/containerd/config.toml#plugins.a.b.c.d.e.f.g  is absent, expected true",
        f"         there is no /etc/containerd/config.toml below {root}",
    ]


def test_a_broken_release_is_2_and_says_what_is_wrong(call: Call, fleet: Path, tmp_path: Path) -> None:
    """Tampered, truncated, without its executable, missing, or something else."""
    write_fleet(fleet, {}, {"array.sh": ARRAY})
    store = tmp_path / "store"
    release = publish(fleet, tmp_path / "center.db", catalogue_of(checks_dir()), to=[store]).release
    path, part = store / "releases" / f"{release.digest}.json", store / "parts" / release.checks[0].sha256
    whole, script = path.read_bytes(), part.read_bytes()

    def said(target: Path) -> str:
        code, out, err = call("check", "--release", target)
        assert (code, out) == (2, "")
        assert err.startswith("inspector-agent: ")
        return err

    part.write_bytes(script + b"rm -rf /\n")
    assert f"the executable of the check array cannot be had: {part}" in said(store)
    part.unlink()
    assert "the executable of the check array is missing" in said(store)
    path.write_bytes(whole.replace(b"somaxconn", b"somaxcomm"))
    assert f"{path} is damaged" in said(store)
    path.write_bytes(whole[:100])
    assert "is malformed" in said(path)
    (store / "current.json").write_text("{}", encoding="utf-8")
    assert "cannot be used" in said(store)
    assert "No such file or directory" in said(tmp_path / "nowhere")
    assert "is neither a fleet's directory" in said(tmp_path)


def test_an_item_that_is_not_there_is_2_with_a_suggestion(call: Call, fleet: Path) -> None:
    """A pattern that matches nothing would otherwise look like a pass."""
    code, _, err = call("check", "--release", fleet, "--item", "sysctl:vm.swapiness")
    assert code == 2
    assert "this node has no such item; did you mean sysctl:vm.swappiness?" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check"], "--release"),
        (["check", "--release", ".", "--tag", "zone"], "a tag is given as key=value, not 'zone'"),
        (["check", "--release", ".", "--timeout", "-1"], "seconds, more than 0, not '-1'"),
        (["check", "--release", ".", "--root", "/no/such"], "--root /no/such: no such directory"),
        (["chekc"], "invalid choice: 'chekc'"),
        ([], "COMMAND"),
    ],
)
def test_wrong_usage_is_2_and_says_what_is_wrong(call: Call, words: list[str], said: str) -> None:
    """On stderr; stdout is for data."""
    code, out, err = call(*words)
    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.parametrize("command", ["", "check", "facts", "doctor", "run"])
def test_help_has_examples(call: Call, command: str) -> None:
    """Each of them starts with the command itself, ready to paste."""
    code, out, _ = call(*([command] if command else []), "--help")
    assert code == 0
    assert f"  inspector-agent {command}" in out.partition("examples:")[2]


def test_what_a_release_says_cannot_steer_a_terminal(call: Call, tmp_path: Path, root: Path) -> None:
    """Titles and remediations are texts of people, and go to other people's screens."""
    layer = 'items: {sysctl: {vm.swappiness: {at_most: 1, title: "a\\e[2Jb", remediation: "line\\nline\\e]0;x"}}}\n'
    fleet = write_fleet(tmp_path / "fleet", {"10.yml": layer})
    _, out, _ = call("check", "--release", fleet, "--root", root)
    assert "\x1b" not in out


def test_facts_are_printed_for_people_and_programs(call: Call, root: Path) -> None:
    """What is not known is said to be unknown."""
    code, out, _ = call("facts", "--root", root)
    assert code == 0
    assert "kernel          unknown" in out.splitlines()
    assert json.loads(call("facts", "--json")[1])["kernel"]


def test_an_unreadable_configuration_is_2(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For run and doctor alike, before anything is started."""
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)  # it is this process that would have no core any more
    for command in ("run", "doctor"):
        code, out, err = call(command, "--config", tmp_path / "no.yml")
        assert (code, out) == (2, "")
        assert f"{tmp_path}/no.yml cannot be read: No such file or directory" in err
