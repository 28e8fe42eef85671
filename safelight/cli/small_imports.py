"""The absence of a module that the command does not need. Import this module before httpx.

httpx imports its own command line, and with it click, pygments and more of rich, which take a tenth of the start time
of ``safelight``. httpx works without it, as in an installation without ``httpx[cli]``.
"""

import sys

#: Python refuses to import a module whose entry is None.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
