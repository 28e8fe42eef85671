"""Names in order, however many: few are sorted in memory, many on disk."""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain, islice

_CACHE_KIB = 128
#: Names that are sorted in memory.
AT_ONCE = 1000


def in_order(names: Iterable[tuple[str, bool]], *, at_once: int = AT_ONCE) -> Iterator[tuple[str, bool]]:
    """Yield names with their flag, sorted by the bytes of the name; all of ``names`` is read before the first."""
    iterator = iter(names)
    few = list(islice(iterator, at_once))
    if len(few) < at_once:
        yield from sorted(few, key=_key)
        return
    with closing(sqlite3.connect("")) as disk:
        disk.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        disk.execute("CREATE TABLE names (name BLOB, flag INTEGER)")
        rows = ((os.fsencode(name), flag) for name, flag in chain(few, iterator))
        disk.executemany("INSERT INTO names VALUES (?, ?)", rows)
        few.clear()
        for name, flag in disk.execute("SELECT name, flag FROM names ORDER BY name"):
            yield os.fsdecode(name), bool(flag)


def _key(entry: tuple[str, bool]) -> bytes:
    return os.fsencode(entry[0])
