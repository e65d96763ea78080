"""coordinator.yml: what is taken, and how every mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector_coord import limits
from inspector_coord.config import default_path, load
from inspector_coord.errors import ConfigError

GOOD = """\
rings:
  main: {entries: ["127.1.0.1:7373", "[::1]:7373"], auth_key_file: serf.key}
config_center: http://127.1.255.1:8600
groups: {web: "n[001-004]", db: [n005, n006]}
cache: cache
second_pass: {inventory: hosts.yml, forks: 5}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "coordinator.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """A configuration can be moved together with what it names."""
    config = load(write(tmp_path, GOOD))
    assert config.rings["main"].auth_key_file == tmp_path / "serf.key"
    assert config.cache_dir == tmp_path / "cache"
    assert config.last_report == tmp_path / "cache" / "last-sweep.json"
    assert config.second_pass is not None
    assert config.second_pass.inventory == tmp_path / "hosts.yml"
    assert (config.second_pass.forks, config.second_pass.sample) == (5, 3)


def test_a_ring_says_how_many_answers_its_entry_takes(tmp_path: Path) -> None:
    """A whole number will do; what is not said is what an entry with cores of its own takes."""
    assert load(write(tmp_path, GOOD)).rings["main"].answers_per_s == limits.answer_rate_per_s
    slower = GOOD.replace("auth_key_file: serf.key", "answers_per_s: 12000")
    assert load(write(tmp_path, slower)).rings["main"].answers_per_s == 12_000


def test_a_config_center_may_have_mirrors(tmp_path: Path) -> None:
    """One address or several, in the order in which they are tried."""
    assert load(write(tmp_path, GOOD)).centers == ("http://127.1.255.1:8600",)
    several = GOOD.replace("http://127.1.255.1:8600", "[http://cdn, https://center]")
    assert load(write(tmp_path, several)).centers == ("http://cdn", "https://center")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("config_center:", "config_centre:", "unknown key `config_centre`: did you mean `config_center`?"),
        ("forks: 5", "fork: 5", "second_pass: unknown key `fork`: did you mean `forks`?"),
        ("auth_key_file: serf.key", "answers_per_s: 5", "$.rings[...].answers_per_s"),
        ("auth_key_file", "auth_file", "rings.main: unknown key `auth_file`: did you mean `auth_key_file`?"),
        ('"127.1.0.1:7373"', "127.1.0.1", "'127.1.0.1' is no RPC address `host:port`, such as 10.0.0.1:7373"),
        ('"127.1.0.1:7373"', '"h:99999"', "'h:99999' is no RPC address"),
        ("http://127", "ftp://127", "is no http:// or https:// address"),
        ("http://127.1.255.1:8600", "[http://a, b:80]", "config_center 'b:80' is no http:// or https:// address"),
        ("http://127.1.255.1:8600", "[]", "config_center"),
        ("cache: cache", "trusted_keys: center.pub", "trusted_keys"),
        ("cache: cache", "trusted_key: [center.pub]", "did you mean `trusted_keys`?"),
        ("forks: 5", "forks: many", "$.second_pass.forks"),
        ("forks: 5", "forks: 0", "$.second_pass.forks"),
        ("rings:", "rings: [", ": not YAML: "),
        ('["127.1.0.1:7373", "[::1]:7373"]', "[]", "rings"),
        ("cache: cache", "query_prefix: 'a b'", "query_prefix"),
    ],
)
def test_every_mistake_is_named_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    """The file, the key, and where there is one the key that was meant."""
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.timeout(20)
@pytest.mark.parametrize("form", ["[{}]", "{{<<: [{}]}}"])
def test_a_yaml_bomb_is_named_by_its_lines(tmp_path: Path, form: str) -> None:
    """Thirty lines of aliases, or of merges, stand for more than any memory holds: the first anchor is refused."""
    lines = ["a0: &a0 {x: y}"]
    lines += [f"a{n}: &a{n} " + form.format(", ".join([f"*a{n - 1}"] * 9)) for n in range(1, 30)]
    path = write(tmp_path, GOOD + "\n".join([*lines, "groups: *a29"]))
    with pytest.raises(ConfigError) as caught:
        load(path)
    said = str(caught.value).splitlines()
    line = 1 + GOOD.count("\n")
    assert said[0] == f"{path}:{line}:5: &a0: anchors are not taken here; write each value out"
    assert said[1].startswith(f"{path}:{line + 1}:")
    assert len(said) == 20


@pytest.mark.parametrize("text", ["", "- a", "just words", "rings: {}\nconfig_center: http://a"])
def test_what_is_no_configuration_is_refused(tmp_path: Path, text: str) -> None:
    """Nothing, a list, words, no ring at all."""
    with pytest.raises(ConfigError):
        load(write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The path stands in the error."""
    with pytest.raises(ConfigError, match=r"nowhere\.yml cannot be read: No such file"):
        load(tmp_path / "nowhere.yml")


def test_without_any_configuration_both_places_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's file comes first, then the system's; where neither is, both are said."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=r"neither .*\.config/inspector/coordinator.yml nor /etc/inspector"):
        default_path()
    place = tmp_path / ".config/inspector/coordinator.yml"
    place.parent.mkdir(parents=True)
    place.write_text(GOOD, encoding="utf-8")
    assert default_path() == place


def test_the_auth_key_is_the_files_content(tmp_path: Path) -> None:
    """Without its newline; an empty or missing file is an error, not an empty key."""
    ring = load(write(tmp_path, GOOD)).rings["main"]
    with pytest.raises(ConfigError, match=r"serf\.key cannot be read"):
        ring.auth_key()
    (tmp_path / "serf.key").write_text("secret\n")
    assert ring.auth_key() == "secret"
    (tmp_path / "serf.key").write_text("\n")
    with pytest.raises(ConfigError, match=r"serf\.key is empty"):
        ring.auth_key()
