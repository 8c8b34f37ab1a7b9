"""Sockets are opened once, never to the world without a token, and answer without delay."""

from __future__ import annotations

import asyncio
import socket

import pytest
import uvloop

from towpath.app.listening import inherit_listener, open_listener, url_of
from towpath.core.errors import InvalidSetting

HOST = "127.0.0.1"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org", ""])
def test_the_world_is_not_let_in_without_a_token(host: str):
    with pytest.raises(InvalidSetting, match="no token is set") as caught:
        open_listener(host, 0)
    assert caught.value.exit_code == 2


def test_the_world_is_let_in_with_a_token():
    with open_listener("0.0.0.0", 0, token="secret") as listener:
        assert listener.getsockname()[1] > 0


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "localhost", "::1"])
def test_this_machine_needs_no_token(host: str):
    try:
        listener = open_listener(host, 0)
    except InvalidSetting as error:
        if host == "::1" and "no token" not in error.message:
            pytest.skip("this machine has no IPv6")
        raise
    with listener:
        address = url_of(listener).removeprefix("http://").rpartition(":")
        assert int(address[2]) == listener.getsockname()[1]
        assert (address[0] == "[::1]") == (host == "::1")


def test_a_port_that_is_taken_is_named():
    with open_listener(HOST, 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(InvalidSetting, match=f"{HOST}:{port}") as caught:
            open_listener(HOST, port)
        assert caught.value.fields["port"] == port


def test_a_host_that_is_none_is_named():
    with pytest.raises(InvalidSetting, match=r"999\.1"):
        open_listener("999.1", 0, token="secret")


@pytest.mark.parametrize("policy", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_what_is_accepted_does_not_wait_for_acknowledgements(policy):
    async def accepted_option() -> int:
        option = asyncio.get_running_loop().create_future()

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted = writer.get_extra_info("socket")
            option.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        # As a child does: it takes over a descriptor that its parent opened.
        listener = inherit_listener(open_listener(HOST, 0).detach())
        async with await asyncio.start_server(answer, sock=listener):
            _, writer = await asyncio.open_connection(HOST, listener.getsockname()[1])
            found = await option
            writer.close()
            return found

    with asyncio.Runner(loop_factory=policy) as runner:
        assert runner.run(accepted_option()) == 1


def test_callers_wait_while_nobody_accepts():
    with open_listener(HOST, 0) as listener:
        callers = [socket.create_connection(listener.getsockname(), timeout=5) for _ in range(50)]
        for caller in callers:
            caller.close()
