"""Where the checks that come with the agent are: in the repository's checks/, in a wheel inside this package."""

from __future__ import annotations

from functools import cache
from pathlib import Path


def checks_dir() -> Path:
    """The directory that holds batch.py. Raises FileNotFoundError where the installation is broken."""
    here = Path(__file__).resolve().parent
    for directory in (here / "bundled_checks", here.parent / "checks"):
        if (directory / "batch.py").is_file():
            return directory
    raise FileNotFoundError(
        f"the bundled checks are missing: neither {here}/bundled_checks nor {here.parent}/checks has them"
    )


@cache
def kind_file(directory: Path, kind: str) -> Path | None:
    """The file of a kind that the bundled batch knows: one file a kind, as `batch.names` has it; None: no such kind."""
    if not kind.isidentifier() or kind.endswith("_") or kind == "batch":
        return None
    files = (directory / f"{kind}{more}.py" for more in ("", "_"))
    return next((file for file in files if file.is_file()), None)


def is_bundled(directory: Path, kind: str) -> bool:
    """Whether the bundled batch knows this kind of check."""
    return kind_file(directory, kind) is not None
