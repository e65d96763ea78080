"""What is not there, not Serf, or ends: each has its own error, and everybody who waits is told."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from inspector_agent.ring import (
    Disconnected,
    HandshakeRefused,
    NotConnected,
    ProtocolError,
    RingClient,
    Unreachable,
    connect,
)
from inspector_agent.ring.link import split_address
from tests.support.fake_serf import fake_serf, header, listening
from tests.support.serf import RPC_PORT, claimed_prefix, serf_ring


async def refused(address: str, kind: type[NotConnected], words: str, *, timeout_s: float = 5.0) -> None:
    """Connecting must fail with this kind of error, and name the address."""
    with pytest.raises(kind, match=words) as caught:
        async with connect(address, timeout_s=timeout_s):
            pass
    assert caught.value.address == address
    assert address in str(caught.value)


async def test_nobody_listens() -> None:
    """Refused, unknown host: told at once, with the system's word for it."""
    with claimed_prefix() as network:
        said = "cannot connect: Connection refused; is the Serf agent running"
        await refused(f"{network}.1:{RPC_PORT}", Unreachable, said)
    await refused("no-such-host.invalid:7373", Unreachable, "cannot connect: ")


@pytest.mark.parametrize(
    "address", ["", "7373", "host", "host:", ":7373", "host:99999", "host:-1", "::1:7373", "[::1:7373"]
)
async def test_malformed_addresses(address: str) -> None:
    """Said at once, with an example."""
    with pytest.raises(ValueError, match=r"not an address of the form host:port, for example 127\.0\.0\.1:7373"):
        async with connect(address):
            pass


def test_addresses() -> None:
    """A name, IPv4, IPv6 in brackets."""
    assert split_address("entry-1.example.net:7373") == ("entry-1.example.net", 7373)
    assert split_address("127.0.0.1:1") == ("127.0.0.1", 1)
    assert split_address("[::1]:65535") == ("::1", 65535)


async def test_somebody_listens_and_says_nothing() -> None:
    """A silent port is given up after the timeout."""

    async def silent(_: trio.SocketStream) -> None:
        return

    async with listening(silent) as address:
        await refused(address, Unreachable, "no answer within 0.1 s", timeout_s=0.1)


async def test_a_frozen_agent() -> None:
    """SIGSTOP: the kernel still accepts connections; connecting and asking are given up; after SIGCONT all is well."""
    async with serf_ring(1) as ring, connect(ring[0].rpc, timeout_s=1.5) as client:
        ring[0].stop()
        await refused(ring[0].rpc, Unreachable, "no answer within 0.2 s", timeout_s=0.2)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.stats)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        with pytest.raises(Unreachable, match=r"no answer within 1\.5 s"):
            async with client.query("q", b"", timeout_s=1):
                pass
        ring[0].cont()
        assert (await client.stats())["agent"]["name"] == "n001"
        assert client.swallowed == 1


async def test_not_serf() -> None:
    """Another program's port, and a version we do not speak."""

    async def web(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def newer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(header(1, "Unsupported IPC version"))

    async def gone(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.aclose()

    async with listening(web) as address:
        await refused(address, ProtocolError, "is this the port of Serf's RPC")
    async with listening(newer) as address:
        await refused(address, HandshakeRefused, "Unsupported IPC version; this client speaks version 1")
    async with listening(gone) as address:
        await refused(address, Disconnected, "closed the connection")


async def told(client: RingClient, kind: type[NotConnected], started: trio.Event) -> None:
    """A task that follows a stream, to its end by an error of this kind."""
    async with client.stream("user") as events:
        started.set()
        with pytest.raises(kind):
            await anext(events)


async def test_serf_is_killed_in_mid_stream() -> None:
    """Streams, a running query and a waiting call all end with Disconnected, and so does every later call."""
    async with serf_ring(2) as ring, connect(ring[0].rpc) as client:
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                started = trio.Event()
                nursery.start_soon(told, client, Disconnected, started)
                await started.wait()
            async with client.query("q", b"", timeout_s=60, request_ack=True) as answers:
                await anext(answers)
                ring[0].stop()  # so that the next call is surely still waiting when it dies
                nursery.start_soon(waits_in_vain, client)
                await trio.testing.wait_all_tasks_blocked()
                await ring[0].kill()
                with pytest.raises(Disconnected):
                    async for _ in answers:
                        pass
        with pytest.raises(Disconnected, match="connect again") as late:
            await client.members()
        assert late.value.address == ring[0].rpc
        with pytest.raises(Unreachable):
            async with client.query("q", b"", timeout_s=1):
                pass


async def waits_in_vain(client: RingClient) -> None:
    """A call whose reply never comes."""
    with pytest.raises(Disconnected):
        await client.members()


async def test_garbage_in_mid_stream() -> None:
    """Whoever waits gets a ProtocolError of their own; later calls too."""

    async def babble(stream: trio.SocketStream) -> None:
        await stream.send_all(b"\xc1\xc1\xc1")

    async with fake_serf(babble) as address, connect(address) as client:
        with pytest.raises(ProtocolError, match=f"{address}: not msgpack") as first:
            async with client.stream("user") as events:
                await anext(events)
        with pytest.raises(ProtocolError) as second:
            await client.stats()
        with pytest.raises(ProtocolError) as third:
            await client.stats()
        assert str(first.value) == str(second.value) == str(third.value)
        assert first.value is not second.value is not third.value


async def test_a_closed_client_says_so() -> None:
    """After its context, calls fail like on a lost connection."""
    async with serf_ring(1) as ring:
        async with connect(ring[0].rpc) as client:
            pass
        with pytest.raises(Disconnected, match="this program has closed the connection"):
            await client.stats()
