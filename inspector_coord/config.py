"""coordinator.yml: where the rings, the config center and the cache are.

    rings:
      main: {entries: ["10.0.0.1:7373", "10.0.0.2:7373"], auth_key_file: serf.key}   # answers_per_s: 20000
    config_center: http://center:8600            # or a list of mirrors, tried in order
    trusted_keys: [center.pub]                   # key texts or .pub files: one of them must have signed what is current
    groups: {web: "n[001-004]"}                 # @web
    cache: /var/cache/inspector                  # releases, and the last report
    query_prefix: ""                             # where an existing ring has its own "inspect"
    exclude_tags: {role: coordinator}            # members that have no inspection agent: never targets
    second_pass: {inventory: hosts.yml, forks: 25, sample: 3, host_timeout_s: 20}
    watch: {alertmanager: ["http://alerts:9093"], metrics: "127.0.0.1:9108", place_tags: [dc, rack]}   # see `Watch`
    history: history.db                          # or postgresql://USER@HOST/NAME; false: none. [CACHE/history.db]
    schedule: {nightly: {cron: "30 3 * * *", jitter: 2m}}        # see schedule/model.py

Relative paths are relative to the file. Every mistake is a ConfigError that names the file and the key.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from config_center.settings import read_settings
from inspector_coord import limits
from inspector_coord.errors import ConfigError
from inspector_coord.schedule import limits as schedule_limits
from inspector_coord.schedule.model import JobName, JobSettings
from inspector_coord.watch import limits as watch_limits
from inspector_coord.watch.settings import Settings

__all__ = ["Config", "Ring", "SecondPass", "Watch", "default_path", "load"]

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):([0-9]{1,5})")

_WATCHED = Settings()

Positive = Annotated[int, Meta(ge=1, le=10_000)]


class Ring(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One Serf cluster: `entries` are RPC addresses `host:port`; the first good one is used (see `entry_choice`).

    `answers_per_s`: what an entry of it takes, by which the answers are spread.
    """

    entries: Annotated[tuple[str, ...], Meta(min_length=1, max_length=100)]
    auth_key_file: Path | None = None
    answers_per_s: Annotated[float, Meta(ge=limits.answer_rate_min_per_s, le=limits.answer_rate_max_per_s)] = (
        limits.answer_rate_per_s
    )

    def auth_key(self) -> str | None:
        """The RPC auth key, or None where none is configured. Raises ConfigError if the file cannot be used."""
        if self.auth_key_file is None:
            return None
        try:
            with self.auth_key_file.open("rb") as file:
                key = file.read(limits.auth_key_bytes_max).decode("utf-8").strip()
        except OSError as problem:
            why = problem.strerror or problem
            raise ConfigError(f"auth_key_file {self.auth_key_file} cannot be read: {why}") from problem
        except UnicodeDecodeError as problem:
            raise ConfigError(f"auth_key_file {self.auth_key_file} is not UTF-8 text: {problem}") from problem
        if not key:
            raise ConfigError(f"auth_key_file {self.auth_key_file} is empty: put Serf's rpc_auth_key into it")
        return key


class SecondPass(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How failing nodes are looked at again: by which Ansible inventory, how many at a time, seconds for each."""

    inventory: Path | None = None
    forks: Positive = 25
    batch: Positive = 100
    sample: Positive = 3
    host_timeout_s: Positive = 20


class Watch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How rings are watched, and where that is told.

    alertmanager, metrics: addresses, see watch/outlets.py; alerts are told again every `resend_s`. The rest is what
    watch/settings.py explains.
    """

    alertmanager: Annotated[tuple[str, ...], Meta(max_length=watch_limits.alertmanagers_max)] = ()
    metrics: str = ""
    resend_s: Annotated[float, Meta(ge=watch_limits.resend_s_min, le=watch_limits.resend_s_max)] = watch_limits.resend_s
    roll_s: Annotated[float, Meta(ge=watch_limits.setting_roll_s_min, le=watch_limits.setting_roll_s_max)] = (
        _WATCHED.roll_s
    )
    roster_s: Annotated[float, Meta(ge=watch_limits.setting_roster_s_min, le=watch_limits.setting_roster_s_max)] = (
        _WATCHED.roster_s
    )
    hold_s: Annotated[float, Meta(ge=0.0, le=watch_limits.setting_hold_s_max)] = _WATCHED.hold_s
    gather_s: Annotated[float, Meta(ge=watch_limits.setting_gather_s_min, le=watch_limits.setting_gather_s_max)] = (
        _WATCHED.gather_s
    )
    witnesses: Annotated[int, Meta(ge=watch_limits.witnesses_min, le=watch_limits.setting_witnesses_max)] = (
        _WATCHED.witnesses
    )
    flap_count: Annotated[int, Meta(ge=watch_limits.setting_flap_count_min, le=watch_limits.setting_flap_count_max)] = (
        _WATCHED.flap_count
    )
    flap_window_s: Annotated[
        float, Meta(ge=watch_limits.setting_flap_window_s_min, le=watch_limits.setting_flap_window_s_max)
    ] = _WATCHED.flap_window_s
    place_tags: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=watch_limits.setting_tag_chars_max)], ...],
        Meta(min_length=1, max_length=watch_limits.setting_place_tags_max),
    ] = _WATCHED.place_tags

    def settings(self, without_agent: Mapping[str, str]) -> Settings:
        """As the watcher of a ring takes them. without_agent: `exclude_tags`."""
        return Settings(
            roll_s=self.roll_s, roster_s=self.roster_s, hold_s=self.hold_s, gather_s=self.gather_s,
            witnesses=self.witnesses, flap_count=self.flap_count, flap_window_s=self.flap_window_s,
            place_tags=self.place_tags, without_agent=dict(without_agent),
        )  # fmt: skip


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole coordinator.yml, checked, with absolute paths. `file` is where it was read from."""

    rings: Annotated[dict[str, Ring], Meta(min_length=1, max_length=1000)]
    config_center: (
        Annotated[str, Meta(min_length=1)]
        | Annotated[tuple[str, ...], Meta(min_length=1, max_length=limits.centers_max)]
    )
    trusted_keys: Annotated[tuple[str, ...], Meta(max_length=limits.trusted_keys_max)] = ()
    groups: dict[str, str | tuple[str, ...]] = {}
    cache: Path | None = None
    query_prefix: Annotated[str, Meta(max_length=32, pattern=r"^[A-Za-z0-9_.-]*$")] = ""
    exclude_tags: dict[str, str] = {}
    second_pass: SecondPass | None = None
    watch: Watch | None = None
    history: bool | Annotated[str, Meta(min_length=1, max_length=4_096)] = True
    schedule: Annotated[dict[JobName, JobSettings], Meta(max_length=schedule_limits.jobs_max)] = {}
    file: Path = Path("coordinator.yml")

    @property
    def centers(self) -> tuple[str, ...]:
        """The config center and its mirrors, in the order in which they are tried."""
        return (self.config_center,) if isinstance(self.config_center, str) else self.config_center

    @property
    def cache_dir(self) -> Path:
        """Where releases and the last report are kept."""
        return self.cache if self.cache is not None else Path.home() / ".cache" / "inspector"

    @property
    def history_at(self) -> str | Path | None:
        """The database that sweeps are booked in, a URL or a file of SQLite; None: in none."""
        if isinstance(self.history, str):
            return self.history if "://" in self.history else self.file.parent / Path(self.history).expanduser()
        return self.cache_dir / "history.db" if self.history else None

    @property
    def last_report(self) -> Path:
        """Where `inspector sweep` leaves its report for `inspector explain`."""
        return self.cache_dir / "last-sweep.json"


def default_path() -> Path:
    """The user's coordinator.yml if there is one, else the system's. Raises ConfigError where neither exists."""
    places = (Path.home() / ".config/inspector/coordinator.yml", Path("/etc/inspector/coordinator.yml"))
    for place in places:
        if place.is_file():
            return place
    raise ConfigError(f"no configuration: neither {places[0]} nor {places[1]} exists; name one with --config FILE")


def load(path: Path) -> Config:
    """Read a coordinator.yml. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            raw = file.read(limits.config_bytes_max + 1)
    except OSError as problem:
        raise ConfigError(f"{path} cannot be read: {problem.strerror or problem}") from problem
    if len(raw) > limits.config_bytes_max:
        raise ConfigError(f"{path} has more than {limits.config_bytes_max} bytes: that is no coordinator.yml")
    document, mistakes = read_settings(raw, str(path))
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    if not isinstance(document, dict):
        raise ConfigError(f"{path} must be a mapping with at least `rings` and `config_center`")
    _know_keys(document, Config, f"{path}: ", own="file")
    _know_keys(document.get("second_pass"), SecondPass, f"{path}: second_pass: ")
    _know_keys(document.get("watch"), Watch, f"{path}: watch: ")
    rings = document.get("rings")
    for name, ring in rings.items() if isinstance(rings, dict) else ():
        _know_keys(ring, Ring, f"{path}: rings.{name}: ")
    jobs = document.get("schedule")
    for name, job in jobs.items() if isinstance(jobs, dict) else ():
        _know_keys(job, JobSettings, f"{path}: schedule.{name}: ")
    try:
        config = msgspec.convert(document, Config, dec_hook=_path)
    except (msgspec.ValidationError, RecursionError) as problem:
        raise ConfigError(f"{path}: {problem}") from problem
    _check_addresses(config, path)
    _check_places(config.watch, path)
    return _absolute(config, path.resolve())


def _path(kind: type, value: Any) -> Any:
    """msgspec asks here for types it does not know."""
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise ValueError(f"expected a path, got {type(value).__name__}")


def _know_keys(found: Any, kind: type[msgspec.Struct], where: str, own: str = "") -> None:
    """Name an unknown key together with the one that was probably meant."""
    if not isinstance(found, dict):
        return
    known = [name for name in kind.__struct_encode_fields__ if name != own]
    for key in found:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, 1)
            advice = f"did you mean `{close[0]}`?" if close else f"known are {', '.join(known)}"
            raise ConfigError(f"{where}unknown key `{key}`: {advice}")


def _check_addresses(config: Config, path: Path) -> None:
    for name, ring in config.rings.items():
        for entry in ring.entries:
            found = _ADDRESS.fullmatch(entry)
            if not found or not 0 < int(found[2]) < 65_536:
                advice = "is no RPC address `host:port`, such as 10.0.0.1:7373"
                raise ConfigError(f"{path}: rings.{name}.entries: {entry!r} {advice}")
    for center in config.centers:
        if not center.startswith(("http://", "https://")):
            raise ConfigError(f"{path}: config_center {center!r} is no http:// or https:// address")


def _check_places(watch: Watch | None, path: Path) -> None:
    for tag, count in Counter(watch.place_tags if watch is not None else ()).items():
        if count > 1:
            raise ConfigError(f"{path}: watch.place_tags: {tag!r} is named twice")


def _absolute(config: Config, path: Path) -> Config:
    """The same with every path taken from the file's own folder."""

    def absolute(given: Path | None) -> Path | None:
        return None if given is None else path.parent / given.expanduser()

    rings = {
        name: msgspec.structs.replace(ring, auth_key_file=absolute(ring.auth_key_file))
        for name, ring in config.rings.items()
    }
    again = config.second_pass
    if again is not None:
        again = msgspec.structs.replace(again, inventory=absolute(again.inventory))
    return msgspec.structs.replace(config, rings=rings, cache=absolute(config.cache), second_pass=again, file=path)


def group_text(value: str | Sequence[str]) -> str:
    """A group of coordinator.yml as one node set expression."""
    return value if isinstance(value, str) else ",".join(value)
