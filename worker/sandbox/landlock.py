"""Landlock: the kernel refuses every access to files, TCP ports and processes outside of the child.

See ``landlock(7)``. Values and numbers are those of ``linux/landlock.h`` and ``asm-generic/unistd.h``; every
architecture has the same numbers.
"""

import os
import struct
from typing import Final

from worker.sandbox.libc import call

_CREATE_RULESET: Final = 444
_RESTRICT_SELF: Final = 446
_GET_VERSION: Final = 1

#: Kinds of access to files by the first version that has them.
_FILES: Final = {1: 0x1FFF, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
#: Binding and connecting TCP sockets: from version 4.
_NETWORK: Final = (4, 3)
#: Abstract Unix sockets and signals to processes outside: from version 6.
_SCOPE: Final = (6, 3)


def forbid_all_access() -> None:
    """Refuse all access that this kernel's Landlock knows. Raises OSError if the system has no Landlock.

    The process must have set PR_SET_NO_NEW_PRIVS, or be privileged in its user namespace.
    """
    version = call("syscall", _CREATE_RULESET, 0, 0, _GET_VERSION)
    files = sum(bits for since, bits in _FILES.items() if version >= since)
    network = _NETWORK[1] if version >= _NETWORK[0] else 0
    scope = _SCOPE[1] if version >= _SCOPE[0] else 0
    # struct landlock_ruleset_attr has grown: older kernels accept the shorter form, or zeros at its end.
    attributes = struct.pack("=QQQ", files, network, scope)
    ruleset = call("syscall", _CREATE_RULESET, attributes, len(attributes), 0)
    try:
        call("syscall", _RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
