"""Live bytes: sent while they are made, in one thread, and ended when nobody reads them."""

import asyncio
import threading
from collections.abc import Generator
from functools import partial

import anyio
import pytest
from anyio import CapacityLimiter

from playground.api.streaming import Live


def test_the_first_piece_is_there_before_the_second_is_made() -> None:
    may_go_on = threading.Event()

    def pieces() -> Generator[bytes]:
        yield b"first"
        may_go_on.wait()
        yield b"second"

    async def read() -> list[bytes]:
        live = Live(pieces(), CapacityLimiter(1))
        await live.begin()
        rest = live.rest()
        seen = [await anext(rest)]
        may_go_on.set()
        return seen + [piece async for piece in rest]

    assert asyncio.run(read()) == [b"first", b"second"]


def test_an_error_before_the_first_piece_comes_at_the_beginning() -> None:
    def pieces() -> Generator[bytes]:
        raise ValueError("broken from the start")
        yield b""

    async def begin() -> None:
        await Live(pieces(), CapacityLimiter(1)).begin()

    with pytest.raises(ValueError, match="from the start"):
        asyncio.run(begin())


def test_an_error_on_the_way_comes_after_what_was_made() -> None:
    def pieces() -> Generator[bytes]:
        yield b"first"
        raise ValueError("broken on the way")

    async def read() -> None:
        live = Live(pieces(), CapacityLimiter(1))
        await live.begin()
        seen = []
        with pytest.raises(ValueError, match="on the way"):
            async for piece in live.rest():
                seen.append(piece)
        assert seen == [b"first"]

    asyncio.run(read())


def test_closing_ends_the_generator_in_its_own_thread() -> None:
    may_go_on, has_ended = threading.Event(), threading.Event()
    threads = []

    def pieces() -> Generator[bytes]:
        threads.append(threading.get_ident())
        try:
            yield b"first"
            may_go_on.wait()
            yield b"second"
            yield b"never made"
        finally:
            threads.append(threading.get_ident())
            has_ended.set()

    async def leave() -> None:
        live = Live(pieces(), CapacityLimiter(1))
        await live.begin()
        live.close()
        may_go_on.set()
        await anyio.to_thread.run_sync(partial(has_ended.wait, 30))

    asyncio.run(leave())
    assert has_ended.is_set()
    assert len(threads) == 2
    assert len(set(threads)) == 1


def test_what_is_closed_while_it_waits_is_never_begun() -> None:
    free = threading.Event()
    begun = []

    def busy() -> Generator[bytes]:
        yield b"first"
        free.wait()

    def waiting() -> Generator[bytes]:
        begun.append(True)
        yield b"never made"

    async def leave() -> list[bytes]:
        limiter = CapacityLimiter(1)
        first, second = Live(busy(), limiter), Live(waiting(), limiter)
        await first.begin()
        second.close()
        free.set()
        await second.begin()
        return [piece async for piece in second.rest()]

    assert asyncio.run(leave()) == []
    assert begun == []
