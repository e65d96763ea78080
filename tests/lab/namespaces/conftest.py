"""What of these needs a world of its own needs root: elsewhere a lab in namespaces is refused, which a test holds."""

from __future__ import annotations

from tests.support.namespaces import may_make_namespaces

collect_ignore_glob = [] if may_make_namespaces() else ["test_live_*.py"]
