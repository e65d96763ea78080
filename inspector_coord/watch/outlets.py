"""Where a watch tells what it finds, beside the terminal and its journal: Alertmanagers, and figures for Prometheus.

In coordinator.yml, or on the command line of `inspector watch`, which wins:

    watch:
      alertmanager: ["http://alerts1:9093", "http://alerts2:9093"]   # --alertmanager URL, may be repeated
      metrics: "127.0.0.1:9108"                                      # --metrics ADDRESS:PORT; "": nowhere
      resend_s: 60                                                   # alerts of a dead watcher end after 3 times that
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import msgspec

from inspector_coord.config import Watch
from inspector_coord.errors import ConfigError
from inspector_coord.watch import limits
from inspector_coord.watch.listening import Listener

__all__ = ["Outlets", "listeners_of", "outlets_of"]


class Outlets(msgspec.Struct, frozen=True):
    """Checked addresses. metrics: (host, port)."""

    alertmanager: tuple[str, ...] = ()
    metrics: tuple[str, int] | None = None
    resend_s: float = limits.resend_s


def outlets_of(
    watch: Watch | None, *, alertmanager: Sequence[str] = (), metrics: str | None = None, file: Path | None = None
) -> Outlets:
    """From coordinator.yml (`file`) and the options; raises ConfigError that names what cannot be used, and where.

    metrics: "" for nowhere, None for where the file says.
    """
    watch = watch or Watch()
    within = f"{file}: watch." if file else "watch."
    urls = tuple(dict.fromkeys(alertmanager or watch.alertmanager))
    if len(urls) > limits.alertmanagers_max:
        raise ConfigError(
            f"--alertmanager: {len(urls)} are more than {limits.alertmanagers_max}: name those of one cluster"
        )
    for url in urls:
        _check_url(url, "--alertmanager" if alertmanager else f"{within}alertmanager:")
    address = watch.metrics if metrics is None else metrics
    place = _address(address, "--metrics" if metrics else f"{within}metrics:") if address else None
    return Outlets(urls, place, watch.resend_s)


def listeners_of(outlets: Outlets, say: Callable[[str], None]) -> list[Listener]:
    """The listeners to give to a watch: Alertmanagers, metrics, and systemd where it has started us.

    say: gets a line for a person.
    """
    from inspector_coord.watch.alertmanager import Alertmanagers
    from inspector_coord.watch.metrics import Metrics
    from inspector_coord.watch.systemd import Systemd

    metrics = Metrics(outlets.metrics, say) if outlets.metrics else None
    listeners: list[Listener] = [metrics] if metrics else []
    if outlets.alertmanager:
        failed = metrics.push_failed if metrics else None
        listeners.append(
            Alertmanagers(
                outlets.alertmanager, watcher=socket.gethostname(), say=say, resend_s=outlets.resend_s,
                failed=failed,
            )
        )  # fmt: skip
    if os.environ.get("NOTIFY_SOCKET"):
        listeners.append(Systemd(os.environ))
    return listeners


def _check_url(text: str, where: str) -> None:
    advice = "give the address of an Alertmanager, such as http://alerts:9093"
    secret, at, place = text.rpartition("@")
    shown = f"…@{place}" if at else text  # its user and password are for no log
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as problem:
        why = "" if secret else f" ({problem})"
        raise ConfigError(f"{where} {shown!r} cannot be used{why}: {advice}") from None
    if url.scheme not in ("http", "https") or not url.host or url.query or url.fragment:
        raise ConfigError(f"{where} {shown!r} cannot be used: {advice}")


def _address(text: str, where: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not _is_host(host) or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ConfigError(f"{where} {text!r} is no ADDRESS:PORT, such as 127.0.0.1:9108")
    return host, int(port)


def _is_host(text: str) -> bool:
    """Whether it can be looked up at all: such names as "a..b" are refused before anybody is asked."""
    try:
        return bool(text.encode("idna"))
    except UnicodeError:
        return False
