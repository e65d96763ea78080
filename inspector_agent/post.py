"""One HTTP POST within bounds, for the telling child: the resident agent never loads it."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from inspector_agent import limits
from inspector_agent.download import connect
from inspector_agent.errors import FetchError
from inspector_agent.findings import printable


@dataclass(frozen=True)
class Posted:
    """What a server said.

    Attributes:
        text: the beginning of its words, printable.
        retry_after_s: when it wants to be asked again; 0 where it does not say.
    """

    status: int
    text: str
    retry_after_s: float


def post(url: str, body: bytes, headers: Mapping[str, str], *, silence_s: float = limits.fetch_silence_s) -> Posted:
    """Send a body to a URL. Redirects are not followed; `silence_s` bounds each wait for the server.

    Raises FetchError, which names the URL, where no answer comes; any answer is one.
    """
    try:
        connection = connect(url, silence_s)
        try:
            connection.request(
                "POST", urlsplit(url).path, body, {"User-Agent": "inspector-agent", "Connection": "close", **headers}
            )
            with connection.getresponse() as response:
                said = response.read(limits.said_chars_max).decode("utf-8", "replace")
                after = response.headers.get("Retry-After", "")
                return Posted(response.status, printable(said.strip(), limits.said_chars_max), _seconds(after))
        finally:
            connection.close()
    except TimeoutError as error:
        raise FetchError(f"{url}: no answer for {silence_s:g} s") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise FetchError(printable(f"{url}: {reason}", limits.said_chars_max)) from error


def _seconds(text: str) -> float:
    """Of a Retry-After; what is no number of seconds counts for nothing."""
    with suppress(ValueError):
        return float(min(int(text), 86_400)) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0
    return 0.0
