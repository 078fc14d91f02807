"""`python -m benchmarks.batches` tells when sessions drop their caches: not at the default size."""

from pathlib import Path

from benchmarks.batches import told
from schemad.embedded import EmbeddedPostgres
from schemad.settings import Settings

# MAXNUMMESSAGES in PostgreSQL's sinvaladt.c.
ROOM = 4096


async def test_the_commit_of_a_full_batch_fits_into_the_queue_and_one_of_twice_as_many_does_not(
    tmp_path: Path,
) -> None:
    size = Settings().batch_size
    with EmbeddedPostgres(tmp_path / "data", settings={"log_line_prefix": "%a "}) as server:
        messages, _ = await told(server, size, size)
        # Room for somewhat wider tables, and for what others commit meanwhile.
        assert messages < 0.8 * ROOM
        # So many that some session makes a second batch: at its beginning it reads of its own first one.
        messages, dropped = await told(server, 2 * size, 8 * size)
        assert messages > ROOM
        assert dropped > 0
