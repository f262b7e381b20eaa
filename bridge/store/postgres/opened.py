"""What an open store works with: connections by what they are for, so that none waits for another's locks."""

from __future__ import annotations

import asyncio
from typing import Any

from bridge.store.postgres.agreements import Agreements
from bridge.store.postgres.locks import Locks
from bridge.store.postgres.readers import Readers
from bridge.store.postgres.writing import Writer

#: transactions at once; questions of the service at once
WRITERS, ASKING = 2, 4


class Opened:
    def __init__(self, settings: dict[str, Any], schema: str, replica: str) -> None:
        self.intake = Writer(settings, schema, threads=1, name="store-intake")
        self.writer = Writer(settings, schema, threads=WRITERS, name="store-writer")
        self._locking = Writer(settings, schema, threads=1, name="store-locks")
        self.readers = Readers(settings, schema, threads=ASKING, name="store-reader")
        self.locks = Locks(replica, self._locking, self.readers)
        self._agreeing = Writer(settings, schema, threads=1, name="store-agreements")
        self.agreements = Agreements(self._agreeing, self.readers)

    async def close(self) -> None:
        for writer in (self.intake, self.writer, self._locking, self._agreeing):
            await writer.close()
        await asyncio.to_thread(self.readers.close)
