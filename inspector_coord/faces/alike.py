"""Sentences that differ only in their times are one, with the span of each time (core: no I/O)."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["one_of", "shape_of"]

_TIME = re.compile(r"\b\d{1,6}\.\d(?= s\b)")


def shape_of(text: str) -> str:
    """The sentence without its times: equal for those that can be told as one."""
    return _TIME.sub("·", text)


def one_of(texts: Sequence[str]) -> str:
    """One sentence for several of one shape: `acked at 0.4 … 0.9 s` where the times differ."""
    spans = [sorted(set(times), key=float) for times in zip(*(_TIME.findall(text) for text in texts), strict=True)]
    told = iter(span[0] if len(span) == 1 else f"{span[0]} … {span[-1]}" for span in spans)
    return _TIME.sub(lambda _: next(told), texts[0])
