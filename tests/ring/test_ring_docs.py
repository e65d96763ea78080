"""The example of docs/ring-client.md is a program that runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.support.serf import serf_ring, until

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "ring-client.md"


async def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """Asked of a real ring: the members of the rack, and an answer."""
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL)
    names: dict[str, Any] = {"__name__": "example"}
    async with serf_ring(1, tags={"rack": "b1"}) as ring:
        exec(compile(example.replace("127.0.0.1:7373", ring[0].rpc), str(DOCUMENT), "exec"), names)  # noqa: S102

        async def answered() -> bool:
            await names["ask"]()
            printed = capsys.readouterr().out
            assert f"n001 {ring[0].address} {{'rack': 'b1'}}" in printed
            return "n001 b'42 days'" in printed

        async with trio.open_nursery() as nursery:
            nursery.start_soon(names["serve"])
            await until(answered, what="the example's query gets the example's answer")
            nursery.cancel_scope.cancel()
