"""The practice fleet's release, once for all tests here."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from config_center.keys import write_keypair
from config_center.release import Release, decode
from inspector_lab.center import publish
from inspector_lab.cli import PRACTICE
from inspector_lab.layout import Layout


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """As a lab publishes it."""
    layout = Layout(Path(tmp_path_factory.mktemp("center")))
    shutil.copytree(PRACTICE, layout.fleet)
    write_keypair(layout.center_key)
    return decode(publish(layout).document)
