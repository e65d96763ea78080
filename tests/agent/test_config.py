"""agent.yml: every mistake is named, with the file, the key and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from config_center.keys import write_keypair
from inspector_agent import limits
from inspector_agent.config import AgentConfig, load, parse
from inspector_agent.errors import ConfigError
from inspector_agent.witness.settings import WitnessSettings
from tests.support.center import a_key


def write(directory: Path, text: str) -> Path:
    """An agent.yml."""
    path = directory / "agent.yml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(directory: Path, text: str) -> list[str]:
    """What is said about this agent.yml, without the file's name before each."""
    path = write(directory, text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [line.removeprefix(f"{path}: ") for line in str(caught.value).splitlines()]


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    """Relative paths are relative to the file, the key is read, a slash too many at a URL's end is forgiven."""
    (tmp_path / "serf.key").write_text("secret\n", encoding="utf-8")
    path = write(
        tmp_path,
        """
        ring: {rpc: "127.1.0.1:7373", auth_key_file: serf.key}
        config_center: [http://a:8080/, https://b/center]
        cache: cache
        root: /srv/image
        query_prefix: mine-
        poll_s: 5
        defer: {load: 7.5}
        witness: {ssh_port: 2222, ping: never}
        """,
    )
    assert load(path) == AgentConfig(
        rpc="127.1.0.1:7373",
        auth_key="secret",
        config_center=("http://a:8080", "https://b/center"),
        cache=tmp_path / "cache",
        root="/srv/image",
        query_prefix="mine-",
        poll_s=5.0,
        defer_load=7.5,
        witness=WitnessSettings(2222, ping=False),
    )


def test_only_the_cache_must_be_named(tmp_path: Path) -> None:
    """The rest has the values of an ordinary node."""
    config = load(write(tmp_path, "cache: /var/lib/inspector\nconfig_center: http://a"))
    assert config == AgentConfig("127.0.0.1:7373", None, ("http://a",), Path("/var/lib/inspector"), "/", "", 60.0)


def test_every_mistake_is_reported_at_once(tmp_path: Path) -> None:
    """One look at the screen, one correction of the file."""
    text = """
        rign: {}
        ring: {rpc: "localhost", auth_key: x, auth_key_file: nowhere.key}
        config_center: [ftp://a, 7]
        root: [1]
        query_prefix: "a b"
        poll_s: 0
        """
    assert mistakes(tmp_path, text) == [
        "unknown key `rign`: did you mean ring?",
        "unknown key `ring.auth_key`: did you mean auth_key_file?",
        "`ring.rpc` is host:port of Serf's RPC, not 'localhost'",
        f"`ring.auth_key_file` {tmp_path}/nowhere.key cannot be read: No such file or directory",
        "`config_center` holds http:// or https:// addresses, not 'ftp://a'",
        "`config_center` holds http:// or https:// addresses, not 7",
        "`cache` is missing: name a directory",
        "`root` cannot be a list",
        "`query_prefix` has at most 32 letters, digits, `_`, `.`, `-`, unlike 'a b'",
        "`poll_s` is 0.5 to 86400 seconds, not 0",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no mapping; it needs at least `cache: DIRECTORY`"),
        ("- a", "is no mapping"),
        ("a: [", ": not YAML: "),
        ("cache: /x\nring: 7", "`ring` cannot be 7"),
        ("cache: /x\nring: {rpc: 'h:70000'}", "not 'h:70000'"),
        ("cache: /x\nconfig_center: 'http://a:x'", "not 'http://a:x'"),
        ("cache: /x\npoll_s: true", "`poll_s` cannot be True"),
        ("cache: /x\ndefer: 8", "`defer` cannot be 8"),
        ("cache: /x\ndefer: {load: true}", "`defer.load` is a load average a CPU, such as 8, not True"),
        ("cache: /x\ndefer: {load: 0}", "`defer.load` is a load average a CPU, such as 8, not 0"),
        ("cache: /x\ndefer: {laod: 8}", "unknown key `defer.laod`: did you mean"),
        ("cache: /x\nwitness: {ssh_port: -1}", "`witness.ssh_port` is a port, or 0 for none, not -1"),
        ("cache: /x\nwitness: {ssh_port: true}", "`witness.ssh_port` is a port, or 0 for none, not True"),
        ("cache: /x\nwitness: {ping: off}", "`witness.ping` is one of auto, never, not"),
        ("cache: /x\nwitness: {ping: [[]]}", "`witness.ping` is one of auto, never, not a list"),
        ("cache: /x\nwitness: {port: 22}", "unknown key `witness.port`: did you mean ssh_port"),
        ("cache: /x\nwitness: off", "`witness` cannot be"),
        ("cache: /x\npoll_s: .nan", ":2:9: .nan is no number that can be compared"),
        ("cache: ''", "`cache` is missing"),
        ("cache: /x\npoll_s: 060", ":2:9: 060 is an octal number to one YAML reader and a decimal one to the next"),
        ("cache: /x\ncache: /y", ":2:1: 'cache' stands twice: first on line 1"),
        ("!!python/object/apply:os.system ['true']", ":1:1: tag:yaml.org,2002:python/object/apply:os.system: tags"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, text: str, words: str) -> None:
    """Wrong types, impossible numbers, YAML that is none, YAML that wants to run something."""
    assert words in "\n".join(mistakes(tmp_path, text))


@pytest.mark.timeout(20)
@pytest.mark.parametrize("form", ["[{}]", "{{<<: [{}]}}"])
def test_a_yaml_bomb_is_named_by_its_lines(tmp_path: Path, form: str) -> None:
    """Thirty lines of aliases, or of merges, stand for more than any memory holds: the first anchor is refused."""
    lines = ["a0: &a0 {x: y}"]
    lines += [f"a{n}: &a{n} " + form.format(", ".join([f"*a{n - 1}"] * 9)) for n in range(1, 30)]
    said = mistakes(tmp_path, "\n".join([*lines, "cache: *a29"]))
    assert said[0] == f"{tmp_path}/agent.yml:1:5: &a0: anchors are not taken here; write each value out"
    assert f"{tmp_path}/agent.yml:2:" in said[1]
    assert len(said) == 20


@pytest.mark.parametrize("content", [b"", b"  \n", b"\xff\xfe"])
def test_an_empty_key_file_is_named(tmp_path: Path, content: bytes) -> None:
    """Better than an authentication that fails for no visible reason."""
    (tmp_path / "key").write_bytes(content)
    said = mistakes(tmp_path, "cache: /x\nring: {auth_key_file: key}")
    assert said == [f"`ring.auth_key_file` {tmp_path}/key holds no text: put Serf's rpc_auth into it"]


def test_a_missing_or_huge_file_is_named(tmp_path: Path) -> None:
    """Before anything is parsed."""
    with pytest.raises(ConfigError, match=r"no\.yml cannot be read: No such file or directory"):
        load(tmp_path / "no.yml")
    with pytest.raises(ConfigError, match="is it the right file"):
        load(write(tmp_path, "#" * 70_000))


def test_the_key_of_secrets_is_read_and_not_shown(tmp_path: Path) -> None:
    """All of a fleet's nodes may share one: then equal values have equal hashes."""
    (tmp_path / "secrets.key").write_text("k" * 32 + "\n")
    (tmp_path / "secrets.key").chmod(0o600)
    config = parse({"cache": "c", "secret_key_file": "secrets.key"}, tmp_path / "agent.yml")
    assert config.secret_key == b"k" * 32
    assert "kkk" not in repr(config)
    assert parse({"cache": "c"}, tmp_path / "agent.yml").secret_key == b""


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [("k" * 32, 0o644, "can be read by others"), ("short", 0o600, "less than 16"), (None, 0, "No such file")],
)
def test_a_key_of_secrets_that_hides_nothing_is_refused(
    tmp_path: Path, content: str | None, mode: int, why: str
) -> None:
    """Readable by anybody, or so short that it can be guessed."""
    path = tmp_path / "secrets.key"
    if content is not None:
        path.write_text(content)
        path.chmod(mode)
    with pytest.raises(ConfigError, match=why):
        parse({"cache": "c", "secret_key_file": "secrets.key"}, tmp_path / "agent.yml")


def test_trusted_keys_are_texts_or_files_beside_the_configuration(tmp_path: Path) -> None:
    """One or several; the same one twice counts once."""
    pair = write_keypair(tmp_path / "ops")
    other = a_key().public.text
    for written in (f"[ops.pub, '{other}', '{pair.public_text}']", f"[{tmp_path}/ops.pub, '{other}']"):
        config = load(write(tmp_path, f"cache: /x\ntrusted_keys: {written}"))
        assert config.trusted_keys == (pair.public_text, other)
    assert load(write(tmp_path, "cache: /x\ntrusted_keys: ops.pub")).trusted_keys == (pair.public_text,)


def test_keys_that_are_none_are_named_all_at_once(tmp_path: Path) -> None:
    """A key that is left out by mistake would let anybody in, or nobody."""
    pair = write_keypair(tmp_path / "ops")
    listed = f"[ops, gone.pub, 'ed25519:AAAA', 7, '', '{pair.secret_text}']"
    said = mistakes(tmp_path, f"cache: /x\ntrusted_keys: {listed}")
    refused = "a secret key stands where a public one should: take it away, and make a new one"
    assert said == [
        f"`trusted_keys`: {tmp_path}/ops: {refused}",
        f"`trusted_keys`: the key {tmp_path}/gone.pub cannot be read: No such file or directory",
        "`trusted_keys`: 'ed25519:AAAA' is no public key: `ed25519:` and 32 bytes of base64 are",
        "`trusted_keys` holds keys or names of .pub files, not 7",
        "`trusted_keys` holds keys or names of .pub files, not ''",
        f"`trusted_keys`: {refused}",
    ]
    assert mistakes(tmp_path, "cache: /x\ntrusted_keys:") == ["`trusted_keys` cannot be None"]
    many = ", ".join(f"'{a_key().public.text}'" for _ in range(limits.trusted_keys_max + 1))
    assert mistakes(tmp_path, f"cache: /x\ntrusted_keys: [{many}]") == [
        "`trusted_keys` has 17 keys, at most 16 are taken"
    ]
