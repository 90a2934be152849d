"""What a thread makes while it is being sent: a slow reader keeps nobody but itself waiting."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from typing import Generic, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

Piece = TypeVar("Piece")
Result = TypeVar("Result")


class Live(Generic[Piece]):
    """What a generator gives, made in one thread from its beginning to its end.

    A generator that holds a lock between two pieces must not wait for a thread in the middle: others who wait for
    the lock may have taken them all.
    """

    def __init__(self, pieces: Generator[Piece], limiter: CapacityLimiter, left: threading.Event | None = None) -> None:
        """Start making; `limiter` bounds how many are made at the same time. Belongs to the running event loop.

        `left` is set by `close`, for a generator that looks at it while it waits.
        """
        self._pieces = pieces
        self._loop = asyncio.get_running_loop()
        self._made: asyncio.Queue[Piece | None] = asyncio.Queue()
        self._first: Piece | None = None
        self._left = left or threading.Event()
        self._maker = asyncio.ensure_future(to_thread.run_sync(self._make, limiter=limiter))

    async def begin(self, request: Request | None = None) -> None:
        """Wait for the first piece; raises what the generator raises before it.

        With `request`, whose body must have been read, ClientDisconnect when its client goes away meanwhile.
        """
        async with AsyncExitStack() as stack:
            if request is not None:
                await stack.enter_async_context(_watched(request, self._left))
            try:
                self._first = await self._next()
            except asyncio.CancelledError:
                self.close()
                raise
        if request is not None and self._left.is_set():
            raise ClientDisconnect

    async def rest(self) -> AsyncIterator[Piece]:
        """All pieces from the first; raises what the generator raises on the way."""
        piece, self._first = self._first, None
        while piece is not None:
            yield piece
            piece = await self._next()

    def close(self) -> None:
        """Stop making at the next piece, or at once when it has not begun."""
        self._left.set()

    async def _next(self) -> Piece | None:
        piece = await self._made.get()
        if piece is None:
            await self._maker
        return piece

    def _make(self) -> None:
        try:
            with closing(self._pieces):
                while not self._left.is_set():
                    piece = next(self._pieces, None)
                    if piece is None:
                        return
                    self._loop.call_soon_threadsafe(self._made.put_nowait, piece)
        finally:
            self._loop.call_soon_threadsafe(self._made.put_nowait, None)


async def while_connected(request: Request, work: Callable[[threading.Event], Result]) -> Result:
    """What `work` gives in a thread; the event that it is given is set when the client goes away meanwhile.

    The request's body must have been read.
    """
    left = threading.Event()
    async with _watched(request, left):
        return await to_thread.run_sync(work, left)


@asynccontextmanager
async def _watched(request: Request, left: threading.Event) -> AsyncIterator[None]:
    """Set `left` when the client goes away within the block."""

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        left.set()

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()


class LiveResponse(StreamingResponse):
    """Sends live bytes, and stops their making when the client goes away."""

    def __init__(self, live: Live[bytes], *, media_type: str, headers: dict[str, str]) -> None:
        super().__init__(live.rest(), media_type=media_type, headers=headers)
        self._live = live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._live.close()
