"""Files of objects with a fifth of the system calls.

To find the file of an object, MiniStack looks at each folder of the path up to the root of the disk, twice, and at four
names that the file could have. The folders of the engine cannot become links while it runs, so they are looked at once.
Below the folder of a bucket, each part of a key is looked at once, and only until one does not exist.
"""

# ruff: noqa: SLF001, ANN401, PTH105, PTH107, PTH112, PTH118 - patches an untyped module, whose paths are text

import os
import stat
from functools import lru_cache
from typing import Any, Final

#: Folders of buckets whose paths are kept.
FOLDERS: Final = 1024


def install(s3: Any) -> None:
    """Patch ``ministack.services.s3``."""
    find, find_other = s3._key_disk_path, s3._other_key_disk_path
    real_path = lru_cache(FOLDERS)(os.path.realpath)

    def find_path(base: str, key: str) -> str | None:
        if not s3._plain_path_key(key):
            return find(base, key)  # type: ignore[no-any-return] # untyped
        root = real_path(base)
        if os.path.isdir(os.path.join(root, s3._ENCODED_KEYS_DIR)):
            return find(base, key)  # type: ignore[no-any-return]
        path = os.path.join(root, key)
        kind = _look_at(root, key)
        if kind is None:
            # A deleted object of a bucket with versions has only this file.
            return path
        return path if stat.S_ISREG(kind) else find(base, key)

    def find_other_path(base: str, key: str, path: str) -> str | None:
        root = real_path(base)
        if path.startswith(root + os.sep) and not os.path.isdir(os.path.join(root, s3._ENCODED_KEYS_DIR)):
            return None
        return find_other(base, key, path)  # type: ignore[no-any-return]

    s3._key_disk_path = find_path
    s3._other_key_disk_path = find_other_path
    s3._atomic_write = write_whole


def _look_at(root: str, key: str) -> int | None:
    """Return the mode of the file of a plain key, or None if it does not exist.

    Returns the mode of the first link on the path, and 0 if a part before the last is a file or cannot be read.
    """
    path, mode = root, 0
    for part in key.split("/"):
        path = f"{path}{os.sep}{part}"
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            return None
        except OSError:
            return 0
        if stat.S_ISLNK(mode):
            return mode
    return mode


def write_whole(path: str, data: bytes | str, *, text: bool = False) -> None:  # noqa: ARG001 - MiniStack's signature
    """Write a file that only its owner may read, so that others see the whole file or the old one."""
    content = memoryview(data.encode() if isinstance(data, str) else data)
    new = path + ".tmp"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        try:
            while content:
                content = content[os.write(descriptor, content) :]
        finally:
            os.close(descriptor)
    except BaseException:
        os.remove(new)
        raise
    os.replace(new, path)
