"""Where and with what the items of one request are observed."""

from __future__ import annotations

from checklib.errors import CannotTell, CheckError, NotApplicable
from checklib.root import Root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from checklib.contract import Item, Last, Request
    from checklib.programs import Ended

    Made = TypeVar("Made")


OF_A_SYSTEM = ("/etc", "/proc", "/sys", "/usr")  # what is at least one of in an image, a captured tree or a lab's node


class Node:
    """The node as one request sees it.

    root   the files below the request's root
    facts  of the node, as the caller has them
    """

    def __init__(self, request: Request) -> None:
        self.root = Root(request.root)
        self.facts = request.facts
        self._items = request.items
        self._made: dict[str, Any] = {}

    def hold_root(self) -> None:
        """Raises OSError where the root is not there, CannotTell where it is no system's: nothing is absent there.

        Both are what a forgotten mount leaves.
        """
        if not self.root.is_host:
            self.once("root", self._look_at_root)

    def _look_at_root(self) -> None:
        self.root.top()
        if not any(map(self.root.exists, OF_A_SYSTEM)):
            places = f"{', '.join(OF_A_SYSTEM[:-1])} nor {OF_A_SYSTEM[-1]}"
            raise CannotTell(f"below {self.root.path} there is no system, neither {places}: is it to be mounted first?")

    def keys(self, check: str) -> list[str]:
        """The keys of all items of one check in this request: what one look can see at once."""
        return [item.key for item in self._items if item.check == check and not item.mistake]

    def last(self, item: Item) -> Last | None:
        """What `keep` of the last finished look at this item was: {"value": ..., "at": Unix time in seconds}.

        None: there was none, or nobody has kept it. Only the resident agent does; never for items that are secret.
        """
        return item.last

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What `make` makes, made once for all items. What it raises is raised for each of them too.

        It has a reading budget of its own: the first item that needs it does not pay for the others.
        """
        if name not in self._made:
            read_bytes, self.root.read_bytes = self.root.read_bytes, 0
            try:
                self._made[name] = make()
            except (CheckError, OSError) as error:
                self._made[name] = error
            finally:
                self.root.read_bytes = read_bytes
        made = self._made[name]
        if isinstance(made, (CheckError, OSError)):
            raise made
        return made  # type: ignore[no-any-return]  # it came from make

    def tool(self, name: str, *argv: str, timeout_s: float, na: str = "") -> Ended:
        """How a tool of this machine ended, run once for all items of the request that ask it the same.

        timeout_s  the asking item's own time
        na         why the item does not apply where there is no such tool; empty: that there is none
        Raises NotApplicable there and below another root, which a tool of this machine knows nothing of; and what
        programs.run raises. Its exit code, and whether its output was cut, are the caller's to look at.
        """
        from checklib import programs, searching  # many a request needs no program at all

        if not self.root.is_host:
            raise NotApplicable(f"{name} tells of this machine, not of {self.root.path}")

        def run() -> Ended:
            path = searching.look_for(name, self.root, programs.PATH)
            if path is None:
                raise NotApplicable(na or f"there is no {name} here")
            return programs.run(path, argv, timeout_s=timeout_s, cwd="/", env={})

        return self.once(f"tool {(name, *argv)}", run)

    def close(self) -> None:
        """Let go of what is open."""
        self.root.close()
