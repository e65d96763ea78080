"""CORE. What a match and a variable may look at of a node, besides its name: its tags and its facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FACT_PREFIX: Final = "fact."


def traits_of(tags: Mapping[str, str], facts: Mapping[str, str] | None = None) -> dict[str, str]:
    """Tags by their names, and facts as `fact.<name>`. A tag that would pass for a fact is left out."""
    traits = {tag: value for tag, value in tags.items() if not tag.startswith(FACT_PREFIX)}
    traits.update((FACT_PREFIX + name, value) for name, value in (facts or {}).items())
    return traits
