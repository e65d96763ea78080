"""Files, settings, cron and locales held against the tools and libraries that are at home in them, on this machine."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import tomllib
import zoneinfo
from pathlib import Path
from typing import Any

import pytest
import yaml
from checklib import limits
from checklib.errors import CannotTell
from checklib.settings_yaml import parse_yaml
from checklib.structured import FORMATS, parse_ini, parse_json, parse_keyvalue
from hypothesis import given
from hypothesis import strategies as st

from tests.support.captures import captures
from tests.support.check_cases import REPOSITORY, kind_module, look, look_at, outcome
from tests.support.mounted import RefusedError, inside
from tests.support.others import host, told

ANY = {"any": True}
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["C"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), inner, max_size=4)
    ),
    max_leaves=12,
)  # fmt: skip


@given(TREES)
def test_json_and_yaml_are_read_as_their_libraries_write_them(tree: Any) -> None:
    """Any tree, in JSON, and in YAML of both styles."""
    assert parse_json(json.dumps(tree)) == tree
    for style in (True, False):
        text = yaml.safe_dump(tree, default_flow_style=style, allow_unicode=True)
        assert parse_yaml(text) == yaml.safe_load(text) == tree


def test_yaml_is_read_the_same_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own parser, as on a node whose PyYAML is bare."""
    files = sorted((REPOSITORY / "examples").rglob("*.yml"))
    assert len(files) > 5
    texts = [path.read_text(encoding="utf-8") for path in files]
    quick = [parse_yaml(text) for text in texts]
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    theirs = json.loads(json.dumps([yaml.safe_load(text) for text in texts], default=str))  # dates stay texts
    assert [parse_yaml(text) for text in texts] == quick == theirs


def test_toml_and_units_are_read_as_python_reads_them() -> None:
    """This project's own settings; every unit of systemd that configparser reads, or a stand-in where there is none."""
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    assert FORMATS["toml"](text) == tomllib.loads(text)
    units = [path.read_text(encoding="utf-8") for path in Path("/usr/lib/systemd/system").glob("*.*") if path.is_file()]
    for unit in [*units, "[Unit]\nDescription=x\nAfter=a\nAfter=b\n"]:
        if "\\\n" in unit:
            continue  # a line that goes on is systemd's own
        theirs = configparser.RawConfigParser(delimiters="=", strict=False, comment_prefixes=("#", ";"))
        theirs.optionxform = str  # type: ignore[assignment,method-assign]  # as documented
        theirs.read_string(unit)
        ours = parse_ini(unit)
        assert list(ours) == theirs.sections()
        for section in theirs.sections():
            last = {name: one[-1] if isinstance(one, list) else one for name, one in ours[section].items()}
            assert last.keys() == dict(theirs.items(section)).keys()
            assert all(last[name] in {value, value[1:-1]} for name, value in theirs.items(section)), unit


def test_defaults_are_read_as_a_shell_reads_them(tmp_path: Path) -> None:
    """All of /etc/default that is plain assignments, and one with quotes, comments and escapes."""
    own = tmp_path / "own"
    own.write_text('A=1\nexport B=\'x y\' # c\nC="a \\"b\\" \\$d"\nE=\nF=a#b\nB="last"\n', encoding="utf-8")
    for path in [own, *(path for path in Path("/etc/default").iterdir() if path.is_file())]:
        ours = parse_keyvalue(path.read_text(encoding="utf-8"))
        names = [name for name in ours if name.isidentifier()]
        script = f'. "$0"; printf "%s\\0" {" ".join(f"${{{name}}}".join(chr(34) * 2) for name in names)}'
        values = told("sh", "-c", script, str(path)).split("\0")[:-1] if names else []
        assert [ours[name][-1] if isinstance(ours[name], list) else ours[name] for name in names] == values, path


def test_a_hostile_file_of_settings_is_an_error_in_bounds(tmp_path: Path) -> None:
    """A million brackets, merges of merges, and more than a file may have: told, and within the item's time."""
    hostile = {
        "deep.json": "[" * 1_000_000,
        "deep.yaml": "[" * 500_000,
        "wide.json": "[" + "0," * 200_000 + "0]",
        "merge.yaml": "a: &a {" + "".join(f"k{n}: 1," for n in range(2000)) + "}\n"
        + "".join(f"b{n}: {{<<: *a}}\n" for n in range(2000)),
        "big.json": " " * (limits.file_bytes_max + 1),
    }  # fmt: skip
    items = []
    for name, text in hostile.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        items.append({"check": "setting", "key": f"{tmp_path}/{name}#a", "expect": {"value": ANY}})
    messages = [(found["outcome"], found["message"]) for found in look(items)]
    assert [one for one, _ in messages] == ["error"] * 5
    assert "too much to be looked into" in messages[2][1]
    assert "more than 100000 values" in messages[3][1]
    with pytest.raises(CannotTell, match=r"levels deep|nesting|depth"):
        parse_yaml(hostile["deep.yaml"])


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "/etc/shadow", "/tmp", "/usr/bin/env", "/etc/os-release", "/etc/hostname"]
)
def test_files_are_what_testinfra_says(path: str) -> None:
    """Owner, group, mode, size, type, hash and link of files that every Debian has."""
    theirs = host().file(path)
    wanted: dict[str, Any] = {"owner": {"equals": theirs.user}, "group": {"equals": theirs.group}}
    if not theirs.is_symlink:
        wanted |= {
            "mode": {"equals": f"{theirs.mode:04o}"},
            "type": {"equals": "directory" if theirs.is_directory else "file"},
        }
    else:
        wanted |= {"type": {"equals": "symlink"}, "target": {"equals": str(Path(path).readlink())}}
    if theirs.is_file and not theirs.is_symlink and os.access(path, os.R_OK):
        wanted |= {"size": {"equals": theirs.size}, "sha256": {"equals": theirs.sha256sum}}
        lines = theirs.content_string.splitlines() if path.startswith("/etc/") else []
        wanted |= {"lines": {"equals": lines}} if 0 < len(lines) <= limits.list_items_max else {}
    found = look_at("file", path, wanted)
    assert (found["outcome"], found["message"]) == ("pass", "")


def test_trees_are_what_find_says(tmp_path: Path) -> None:
    """How many files and directories there are, and how many of them others may write, of a tree of many modes."""
    for number in range(240):
        place = tmp_path.joinpath("top", *("d" * (number % 5)), str(number))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.mkdir() if number % 7 == 0 else place.touch()
        place.chmod(0o700 | number)
    for kind, tree in (("f", "files"), ("d", "directories")):
        below = ("find", f"{tmp_path}/top", "-mindepth", "1", "-type", kind)
        count, wrong = (told(*below, *more).count("\n") for more in ([], ["-perm", "/022"]))
        expect = {"entries": ANY, "mode": {"at_most": "7755"}}
        found = look_at("file", f"{tmp_path}/top", expect, parameters={"tree": tree})
        assert (found["outcome"], found["message"].partition(":")[0]) == ("fail", f"{wrong} of {count} deviate")
    shown = told("grep", "-v", "-e", "^#", "-e", "^$", "/etc/login.defs").splitlines()
    wanted = {"lines": {"equals": [line.strip() for line in shown]}}
    assert outcome(look_at("file", "/etc/login.defs", wanted, parameters={"comments": ["#"]}))[0] == "pass"


CRONTAB = """\
# a comment
MAILTO=ops@example.com
*/5 0-6,22 * jan-mar mon-fri  /usr/bin/backup --all
@daily\t/usr/bin/daily
"""


def test_a_user_s_table_is_what_crontab_lists(tmp_path: Path) -> None:
    """Installed by the real crontab(1) into a spool of the test's own, which cron refuses if it is wrong."""
    (tmp_path / "table").write_text(CRONTAB, encoding="utf-8")
    (tmp_path / "wrong").write_text("61 * * * * x\n", encoding="utf-8")
    script = """
    mount -t tmpfs -o mode=755 spool /var/spool/cron && mkdir -m 1730 /var/spool/cron/crontabs
    crontab table && ! crontab wrong 2>/dev/null && crontab -l
    """
    items = [
        {"check": "cron", "key": "root", "expect": {name: ANY}}
        for name in ("schedules", "count", "mistakes", "entries")
    ] + [
        {
            "check": "cron",
            "key": "root",
            "expect": {"commands": {"equals": ["/usr/bin/backup --all", "/usr/bin/daily"]}},
        }
    ]
    try:
        findings, listed = inside(script, items, tmp_path)
    except RefusedError:
        assert [entry.schedule for entry in kind_module("cron").parse_crontab(CRONTAB)[0]][1:] == ["@daily"]
        return
    schedules, count, mistakes, entries, commands = (one["observed"] for one in findings)
    assert listed.endswith(CRONTAB)
    assert schedules == "schedules */5 0-6,22 * jan-mar mon-fri @daily"
    assert (count, mistakes) == ("2", "mistakes 0")
    assert entries == "entries */5 0-6,22 * jan-mar mon-fri /usr/bin/backup …; @daily /usr/bin/daily"
    assert findings[-1]["outcome"] == "pass", commands


def test_folders_of_scripts_are_what_run_parts_would_run() -> None:
    """Each of cron's folders that this machine has."""
    folders = [path for path in kind_module("cron").FOLDERS if Path(path).is_dir()]
    assert folders
    for folder in folders:
        theirs = told("run-parts", "--test", folder).splitlines()
        expect = {"commands": {"equals": theirs}} if theirs else {"count": {"equals": 0}}
        assert look_at("cron", folder, expect)["outcome"] == "pass"


def test_tables_are_what_others_captured_and_understood() -> None:
    """pyinfra's cases of `crontab -l`, where the captures are at hand."""
    folder = captures()
    for path in sorted(folder.glob("pyinfra/server.Crontab/*.json")) if folder else []:
        case = json.loads(path.read_text(encoding="utf-8"))
        entries, mistakes = kind_module("cron").parse_crontab("\n".join(case["output"]))
        names = ("minute", "hour", "day_of_month", "month", "day_of_week")
        wanted = {
            command: one.get("special_time") or " ".join(str(one[name]) for name in names)
            for command, one in case["fact"].items()
        }
        assert {entry.command: entry.schedule for entry in entries} == wanted
        assert not mistakes


def test_locales_are_what_locale_and_localedef_list(tmp_path: Path) -> None:
    """Those of the machine without aliases, and those of an archive that glibc's own tool makes."""
    theirs = told("locale", "-a").split()
    aliases = told(
        "sed", "-n", "s/^\\([^#[:space:]]*\\)[[:space:]].*/\\1/p", "/usr/share/locale/locale.alias", codes=(0, 2)
    )
    wanted = sorted(set(theirs) - set(aliases.split()))
    assert outcome(look_at("locale", "generated", {"value": {"equals": wanted}}))[0] == "pass", theirs
    compiled = next(path for path in Path("/usr/lib/locale").iterdir() if (path / "LC_IDENTIFICATION").exists())
    (tmp_path / "usr/lib/locale").mkdir(parents=True)
    for name in ("de_DE.utf8", "xx_YY", "gone.utf8"):
        shutil.copytree(compiled, tmp_path / name)
        told("localedef", f"--prefix={tmp_path}", "--add-to-archive", str(tmp_path / name))
    told("localedef", f"--prefix={tmp_path}", "--delete-from-archive", "gone.utf8")
    listed = told("localedef", f"--prefix={tmp_path}", "--list-archive").split()
    assert {"de_DE.utf8", "xx_YY"} <= set(listed)
    assert "gone.utf8" not in listed
    found = look_at("locale", "generated", {"value": {"equals": sorted([*listed, "C", "POSIX"])}}, tmp_path)
    assert found["outcome"] == "pass", found


def test_the_time_zone_is_the_one_in_effect() -> None:
    """The zone of that name has the very rules that libc reads; testinfra sees the same link."""
    found = look_at("locale", "timezone", {"value": ANY})
    link = host().file("/etc/localtime")
    if not link.is_symlink:
        assert "localtime" in found["message"]
        return
    assert link.linked_to.endswith(f"/zoneinfo/{found['observed']}") or Path(link.linked_to).exists()
    place = next(
        Path(folder, found["observed"]) for folder in zoneinfo.TZPATH if Path(folder, found["observed"]).exists()
    )
    assert place.read_bytes() == Path("/etc/localtime").read_bytes()
