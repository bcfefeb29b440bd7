"""An event loop in a thread of its own: commands ask as if nothing were asynchronous, and can be interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import CancelledError as Cancelled
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator

T = TypeVar("T")
CLOSE_SECONDS = 5.0


class Loop:
    """Runs coroutines in the background; safe to use from several threads."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop; its thread starts with the first question."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_run, args=(self._loop,), name="cluster", daemon=True)
                self._thread.start()
            return self._loop

    def run(self, work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Return what a coroutine returns; an interrupt here cancels it.

        Raises:
            TimeoutError: it took longer than `timeout` seconds.
        """
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result(timeout)
        except BaseException:
            future.cancel()
            raise

    def each(self, items: AsyncIterator[T]) -> Iterator[T]:
        """Yield what an asynchronous generator yields, and close it in the end."""

        async def following() -> tuple[bool, T | None]:
            try:
                return True, await anext(items)
            except StopAsyncIteration:
                return False, None

        try:
            while True:
                more, item = self.run(following())
                if not more:
                    return
                yield item  # type: ignore[misc]  # None only where there is no more
        finally:
            closing = getattr(items, "aclose", None)
            if closing is not None:
                self._quietly(closing())

    def close(self) -> None:
        """End the loop and its thread; what still runs in it is cancelled."""
        with self._lock:
            loop, self._loop = self._loop, None
            thread, self._thread = self._thread, None
        if loop is None or thread is None:
            return

        async def ending() -> None:
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        with contextlib.suppress(TimeoutError, Cancelled):
            asyncio.run_coroutine_threadsafe(ending(), loop).result(CLOSE_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(CLOSE_SECONDS)

    def _quietly(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            self.run(work, CLOSE_SECONDS)
        except (Exception, Cancelled):  # noqa: BLE001  the generator is given up; why its end failed helps nobody
            return


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until it is stopped, and let what closes then close."""
    try:
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(asyncio.sleep(0))  # connections that were ended are let go in the next round
    finally:
        loop.close()
