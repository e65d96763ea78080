"""A real Chromium without a screen, driven by its DevTools protocol over a pipe: for tests, benchmarks and pictures.

The protocol is JSON with a NUL behind each message, on the browser's descriptors 3 (commands) and 4 (answers): no port
that others could reach, no driver of the same version to keep, and the browser ends when the pipe does. What a page
does (console, exceptions, requests, dialogs) arrives as events and is kept.

Sandboxing is off, as it does not work as root: open nothing here that is not ours.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from inspector_lab import limits
from inspector_lab.errors import BrowserError
from inspector_lab.processes import die_with
from inspector_lab.tools import find

__all__ = ["Browser", "Tab", "browser"]

OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-dev-shm-usage",
    "--hide-scrollbars", "--force-color-profile=srgb", "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe",
)  # fmt: skip

DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))"

Event = dict[str, Any]


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser with a profile of its own; ended, and the profile removed, at the end. Raises ToolMissingError."""
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        started = Browser(profile)
        try:
            yield started
        finally:
            started.close()


class Browser:
    """The process and its pipe."""

    def __init__(self, profile: str) -> None:
        commands, self._write = os.pipe()
        self._read, answers = os.pipe()
        self._numbers = count(1)
        self._waiting = b""
        self._tabs: dict[str, Tab] = {}
        command = [str(find("chromium")), *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, pass_fds=(3, 4), env=os.environ | {"HOME": profile, "TZ": "UTC"},
            preexec_fn=_wired(commands, answers, os.getpid()),  # noqa: PLW1509 - three calls, before exec
        )  # fmt: skip
        os.close(commands)
        os.close(answers)

    def tab(self, width: int = 1280, height: int = 900, *, dark: bool = False) -> Tab:
        """A new page of that size in pixels."""
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        tab = self._tabs[session] = Tab(self, target, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab.call(f"{domain}.enable")
        tab.call("Page.setLifecycleEventsEnabled", enabled=True)
        tab.resize(width, height)
        tab.scheme(dark=dark)
        return tab

    def call(self, method: str, parameters: dict[str, Any] | None = None, session: str | None = None) -> Any:
        """The result of a command. Raises BrowserError: refused, ended, or nothing in time."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters or {}}
        wire = json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0"
        deadline = time.monotonic() + limits.browser_s_max
        while wire:
            wire = wire[os.write(self._write, wire) :]
        while True:
            answer = self.take(deadline, method)
            if answer.get("id") == number:
                if "error" in answer:
                    raise BrowserError(f"chromium refuses {method}: {answer['error']['message']}")
                return answer["result"]

    def take(self, deadline: float, why: str) -> Event:
        """The next message; an event is also kept with its tab. Raises BrowserError."""
        while b"\0" not in self._waiting:
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            piece = os.read(self._read, 1 << 20) if ready else b""
            if not piece:
                said = "ended" if ready else f"said nothing for {limits.browser_s_max:g} s"
                raise BrowserError(
                    f"chromium {said} while it was asked for {why}: does `chromium --version` work here?"
                )
            self._waiting += piece
        message, _, self._waiting = self._waiting.partition(b"\0")
        event: Event = json.loads(message)
        if "method" in event and event.get("sessionId") in self._tabs:
            self._tabs[event["sessionId"]].events.append(event)
        return event

    def close(self) -> None:
        """End it and all its children."""
        with suppress(BrowserError, BrokenPipeError):  # one that has gone already is closed, too
            self.call("Browser.close")
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(limits.stop_grace_s)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._read)
        os.close(self._write)


class Tab:
    """One page. events: everything it has told so far, as the protocol names it."""

    def __init__(self, browser: Browser, target: str, session: str) -> None:
        self._browser, self._target, self._session = browser, target, session
        self.events: list[Event] = []
        self._width = 0

    def call(self, method: str, **parameters: Any) -> Any:
        """A command to this page."""
        return self._browser.call(method, parameters, self._session)

    def open(self, path: Path, fragment: str = "") -> None:
        """Load a file; returns when it is loaded with all its scripts."""
        before = len(self.events)
        loader = self.call("Page.navigate", url=path.absolute().as_uri() + fragment)["loaderId"]
        deadline = time.monotonic() + limits.browser_s_max
        while not any(_loaded(event, loader) for event in self.events[before:]):
            self._browser.take(deadline, f"the page {path}")

    def run(self, script: str) -> Any:
        """The value of an expression in the page; a promise is waited for. Raises BrowserError where it throws."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise BrowserError(f"the page's script threw: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def resize(self, width: int, height: int) -> None:
        """The window's size in pixels; returns when the page has drawn itself anew."""
        self._width = width
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.run(DRAWN)

    def scheme(self, *, dark: bool, paper: bool = False) -> None:
        """What the page is told of the reader: dark or light, screen or paper; never that movement is wanted."""
        wanted = {"prefers-color-scheme": "dark" if dark else "light", "prefers-reduced-motion": "reduce"}
        features = [{"name": name, "value": value} for name, value in wanted.items()]
        self.call("Emulation.setEmulatedMedia", media="print" if paper else "", features=features)

    def without_scripts(self) -> None:
        """From the next `open` on, no script of the page runs."""
        self.call("Emulation.setScriptExecutionDisabled", value=True)

    def picture(self, *, whole: bool = False) -> bytes:
        """A PNG of what is seen; `whole`: the window is made as high as the page before."""
        if whole:
            self.resize(self._width, int(self.run("document.documentElement.scrollHeight")))
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def paper(self) -> bytes:
        """The page as PDF, A4, with its backgrounds only where the page insists."""
        answer = self.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=False)
        return base64.b64decode(answer["data"])

    @property
    def requests(self) -> list[str]:
        """Addresses that were asked for, the page's own file among them."""
        return [
            event["params"]["request"]["url"] for event in self.events if event["method"] == "Network.requestWillBeSent"
        ]

    @property
    def complaints(self) -> list[str]:
        """Errors and warnings of console, security policy and scripts, and dialogs that opened."""
        return [told for event in self.events if (told := _complaint(event["method"], event["params"]))]

    def close(self) -> None:
        """Forget the page."""
        self._browser.call("Target.closeTarget", {"targetId": self._target})


def _loaded(event: Event, loader: str) -> bool:
    """Whether this is the end of that navigation: on a busy machine the empty page before it may end late."""
    told = event["params"]
    return bool(event["method"] == "Page.lifecycleEvent" and told["name"] == "load" and told["loaderId"] == loader)


def _complaint(method: str, told: Event) -> str:
    if method == "Runtime.exceptionThrown":
        details = told["exceptionDetails"]
        return str(details.get("exception", {}).get("description") or details["text"])
    if method == "Runtime.consoleAPICalled" and told["type"] in {"error", "warning", "assert"}:
        return " ".join(str(each.get("value", each.get("description", ""))) for each in told["args"])
    if method == "Log.entryAdded" and told["entry"]["level"] in {"error", "warning"}:
        return str(told["entry"]["text"])
    return f"dialog: {told['message']}" if method == "Page.javascriptDialogOpening" else ""


def _wired(commands: int, answers: int, parent: int) -> Callable[[], None]:
    """What the child does before it becomes the browser: the pipe's ends to 3 and 4, and no life without us."""

    def wire() -> None:
        high = fcntl.fcntl(commands, fcntl.F_DUPFD_CLOEXEC, 10), fcntl.fcntl(answers, fcntl.F_DUPFD_CLOEXEC, 10)
        os.dup2(high[0], 3)
        os.dup2(high[1], 4)
        die_with(parent)

    return wire
