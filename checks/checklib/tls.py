"""How a server is held to who it is over TLS, and who we are to it: by files of this node that an item names."""

from __future__ import annotations

from checklib import reaching
from checklib.errors import CannotTell
from checklib.kinds import Parameter

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl

    from checklib.contract import Item
    from checklib.node import Node

PARAMETERS = {
    "ca": Parameter("text", "a file of this node with the authorities to trust instead of the system's"),
    "cert": Parameter("text", "a file of this node with a certificate to show to the server, as PEM"),
    "key": Parameter("text", "the file with its key, which has no password; the file of cert if left out"),
}


def is_wanted(item: Item) -> bool:
    """Whether an item names any of these files."""
    return not PARAMETERS.keys().isdisjoint(item.parameters)


def context(item: Item, node: Node) -> ssl.SSLContext:
    """What an item's parameters ask for, made once for all that ask for the same. Raises CannotTell where it cannot be.

    `verify: false` takes any certificate.
    """
    ca, cert, key = (None if name not in item.parameters else str(item.parameters[name]) for name in PARAMETERS)
    is_held = item.parameters.get("verify") is not False
    return node.once(f"tls {(ca, cert, key, is_held)}", lambda: _made(ca, cert, key, is_held=is_held))


def _made(ca: str | None, cert: str | None, key: str | None, *, is_held: bool) -> ssl.SSLContext:
    import ssl

    for path in (ca, cert, key):
        if path is not None and not path.startswith("/"):
            raise CannotTell(f"{path[:80]!r} is no absolute path")
    if key is not None and cert is None:
        raise CannotTell("the parameter key is of a certificate: name that as cert")
    try:
        made = ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise CannotTell(f"{ca}: {_why(error)}") from error
    if not is_held:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if cert is not None:
        try:
            made.load_cert_chain(cert, key, password=lambda: b"")  # else OpenSSL asks at the terminal
        except (OSError, ValueError) as error:
            raise CannotTell(f"{cert}{f' with {key}' if key else ''}: {_why(error)}") from error
    return made


def _why(error: Exception) -> str:
    import ssl

    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "").lower().replace("_", " ")
        return f"no such certificate or key as PEM{f' ({reason})' if reason else ''}"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def explain(error: OSError) -> str:
    """Why there is no line, or none with TLS, in words without numbers that differ."""
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not hold: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {(error.reason or 'failed').lower().replace('_', ' ')}"
    return reaching.explain(error)
