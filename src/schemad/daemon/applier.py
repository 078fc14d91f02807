"""An applier: has the database apply batches, on a connection of its own."""

from collections.abc import Sequence
from dataclasses import replace

import asyncpg

from schemad.store import Applied, Connection, Outcome, Queue, Result
from schemad.store.connect import LINK_ERRORS

Settled = list[tuple[Outcome, Applied]]


class Applier:
    """Applies batches, one after the other.

    Args:
        connection: Used by nobody else.
    """

    def __init__(self, connection: Connection) -> None:
        self._queue = Queue(connection)

    async def apply(self, policy_version: int, batch: Sequence[Outcome]) -> Settled:
        """Applies a batch; one by one where it breaks off as a whole, so that the culprit fails alone.

        What was tried before goes alone at once: whatever became of it shall not become of others.

        Raises:
            OSError, asyncpg.PostgresError: One of LINK_ERRORS; what was not applied before stays as it was.
        """
        fresh = [o for o in batch if not o.request.attempts]
        results = await self._apply(policy_version, fresh) if fresh else []
        for outcome in batch:
            if outcome.request.attempts:
                results += await self._apply(policy_version, [outcome])
        return results

    async def _apply(self, policy_version: int, batch: Sequence[Outcome]) -> Settled:
        try:
            results = await self._queue.apply(policy_version, batch)
        except asyncpg.PostgresError as error:
            if isinstance(error, LINK_ERRORS) and not isinstance(error, asyncpg.QueryCanceledError):
                raise
            if len(batch) > 1:
                return [r for outcome in batch for r in await self._apply(policy_version, [outcome])]
            if batch[0].error_code is not None:
                # Not even its record can be written. It stays in the queue, and the others don't wait for it.
                unrecorded = Applied(batch[0].request.id, Result.UNRECORDED, error.sqlstate, str(error))
                return [(batch[0], unrecorded)]
            broken = replace(batch[0], error_code=error.sqlstate, error_message=str(error))
            return await self._apply(policy_version, [broken])
        by_id = {outcome.request.id: outcome for outcome in batch}
        return [(by_id[applied.request_id], applied) for applied in results]
