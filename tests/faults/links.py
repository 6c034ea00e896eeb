"""A TCP proxy on loopback that can freeze a link, or leave it half open: connected for ever, and deaf."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHUNK = 65_536


class Link:
    """Passes bytes between its port and a server; `freeze` holds them back, `half_open` swallows those of the connections there are."""

    def __init__(self, target_port: int) -> None:
        self._target = target_port
        self._loop = asyncio.new_event_loop()
        self._flows: asyncio.Event | None = None
        self._deaf: set[asyncio.StreamWriter] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()
        self.port = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self._ready.wait()

    def freeze(self) -> None:
        """Hold every byte back until `thaw`."""
        self._loop.call_soon_threadsafe(lambda: self._flows and self._flows.clear())

    def thaw(self) -> None:
        """Let them through again."""
        self._loop.call_soon_threadsafe(lambda: self._flows and self._flows.set())

    def half_open(self) -> None:
        """Leave the connections of this moment connected and deaf; new ones work."""
        self._loop.call_soon_threadsafe(lambda: self._deaf.update(self._open))

    def close(self) -> None:
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._flows = asyncio.Event()
        self._flows.set()
        server = self._loop.run_until_complete(asyncio.start_server(self._connected, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        self._open |= {writer, far_writer}
        await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer), return_exceptions=True)
        self._open -= {writer, far_writer}
        self._deaf -= {writer, far_writer}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(CHUNK):
                assert self._flows is not None
                await self._flows.wait()
                if writer not in self._deaf:
                    writer.write(data)
                    await writer.drain()
        if writer not in self._deaf:
            with suppress(OSError, RuntimeError):
                writer.close()


@contextmanager
def link_to(port: int) -> Iterator[Link]:
    """A link for as long as the block runs."""
    link = Link(port)
    try:
        yield link
    finally:
        link.close()
