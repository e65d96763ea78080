"""What doctor says of a watch, before it is started at night."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from inspector_coord.config import Config, load
from inspector_coord.doctor import Sign
from inspector_coord.watch import limits
from inspector_coord.watch.health import signs
from tests.support.alertmanager import alertmanager
from tests.support.serf import claimed_prefix
from tests.support.web import Handler, reply, says_nothing, sends, web

BASE = "rings: {main: {entries: ['127.0.0.1:7373']}}\nconfig_center: http://center\n"


def config(folder: Path, watch: str) -> Config:
    path = folder / "coordinator.yml"
    path.write_text(f"{BASE}watch: {watch}\n" if watch else BASE)
    return load(path)


async def test_whom_it_would_tell_is_tried(tmp_path: Path) -> None:
    """One that is there with its version, one that is away with what to do; a password is shown to nobody."""
    with claimed_prefix() as away:
        async with alertmanager(tmp_path) as manager:
            named = f"['{manager.url}', 'http://user:secret@{away}.1:9093/am']"
            there, gone = await signs(config(tmp_path, f"{{alertmanager: {named}}}"))
    assert (there.health, there.what) == ("ok", f"Alertmanager {manager.url}")
    assert there.detail.startswith("version 0.")
    assert (gone.health, gone.what) == ("warn", f"Alertmanager http://{away}.1:9093/am")
    assert "alerts wait until then" in gone.advice


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (sends(reply(b"", status="404 Not Found")), "answers 404"),
        (sends(reply(b"<html>")), "answers, but not as an Alertmanager does"),
        (sends(reply(b"x" * 5_000)), "answers, but not as an Alertmanager does"),
        (says_nothing, "has not answered within 0.2 s"),
    ],
)
async def test_what_is_no_alertmanager_is_said(
    tmp_path: Path, handler: Handler, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried within a time, and read within a size."""
    if handler is says_nothing:  # the others have the usual time: a busy machine is no fault of theirs
        monkeypatch.setattr(limits, "push_s", 0.2)
    monkeypatch.setattr(limits, "reply_bytes_max", 2_000)
    async with web() as server:
        server.handlers["/api/v2/status"] = handler
        (sign,) = await signs(config(tmp_path, f"{{alertmanager: ['{server.url}']}}"))
    assert (sign.health, sign.detail) == ("warn", said)


async def test_a_watch_that_would_not_start_fails(tmp_path: Path) -> None:
    """With file and key; a port that somebody serves is taken for a watch that runs."""
    (wrong,) = await signs(config(tmp_path, "{metrics: '9108'}"))
    assert wrong.health == "fail"
    assert f"{tmp_path / 'coordinator.yml'}: watch.metrics: '9108'" in wrong.detail
    (elsewhere,) = await signs(config(tmp_path, "{metrics: '192.0.2.1:9108'}"))
    assert (elsewhere.health, elsewhere.what) == ("fail", "metrics 192.0.2.1:9108")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (used,) = await signs(config(tmp_path, f"{{metrics: '127.0.0.1:{port}'}}"))
    assert used == Sign("ok", f"metrics 127.0.0.1:{port}", "is in use: a watch that runs serves them")
    (free,) = await signs(config(tmp_path, f"{{metrics: '127.0.0.1:{port}'}}"))
    assert free.detail == "can be served there"
    assert await signs(config(tmp_path, "")) == []
