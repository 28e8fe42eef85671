"""``safelight ingest`` on a terminal of 80 columns: a first run, Ctrl-C, the resumed run, and a run without work."""

import codecs
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.ingest_runs import CHANGED_COMMAND, make_images
from support.running_stack import MAX_WAIT_SECONDS, Site, wait_until

WIDTH, HEIGHT = 80, 24
COUNT, HELD_AFTER = 40, 10
#: Control sequences of terminals.
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A process whose terminal has 80 columns, and what it has printed."""

    def __init__(self, folder: Path, arguments: list[str], environment: Mapping[str, str]) -> None:
        """Start the command ``safelight`` with these arguments."""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        kept = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR", "CI"}}
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHANGED_COMMAND, *arguments],
            cwd=folder,
            env={**kept, "PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "xterm", **environment},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        os.set_blocking(self._master, False)
        self.output = ""
        # A character of several bytes can be read in two parts.
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def read(self) -> str:
        """Return everything that was printed, without control sequences."""
        try:
            while data := os.read(self._master, 65536):
                self.output += self._decoder.decode(data)
        except OSError:  # nothing to read, or the process has ended
            pass
        return _CONTROL.sub("", self.output)

    def press_ctrl_c(self) -> None:
        """Send the signal of Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def finish(self) -> tuple[int, list[str]]:
        """Wait until the process has ended. Return the exit code, and the lines that were printed."""
        wait_until(lambda: (self.read(), self.process.poll())[1] is not None)
        text = self.read()
        os.close(self._master)
        lines = [line.rstrip() for line in re.split(r"[\r\n]+", text)]
        # Names without a slash, and the command to copy, stay whole.
        assert all(len(line) <= WIDTH or line.startswith("  ") for line in lines), lines
        return self.process.wait(MAX_WAIT_SECONDS), lines


@pytest.mark.not_on("localstack", reason="the terminal does not depend on the engine")
def test_transcript_of_interrupted_and_repeated_runs(site: Site, tmp_path: Path) -> None:
    """Each run says what it has done. No line is longer than the terminal."""
    photos = make_images(tmp_path / "photos", COUNT)
    (photos / "notes.jpg").write_text("These are notes, not an image.")
    (photos / "readme.txt").touch()
    long = photos / "a-folder-with-a-long-name" / "another-folder-with-a-long-name" / "an-empty-file.png"
    long.parent.mkdir(parents=True)
    long.touch()
    environment = {
        "SAFELIGHT_API_URL": site.stack.api_url,
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "SAFELIGHT_STATE_DIR": "",
    }
    held = tmp_path / "held"
    held.touch()
    command = ["ingest", "photos", "--out", str(tmp_path / "out")]

    first = Terminal(tmp_path, command, {**environment, "HELD_AFTER": str(HELD_AFTER)})
    progress = re.compile(rf"[1-9]\d*/{COUNT + 2}  \d+ %  [\d.]+ images/s  [\d.]+ MB/s  ETA \S+  \d+ failed")
    wait_until(lambda: progress.search(first.read()) is not None)
    first.press_ctrl_c()
    # Uploads that have begun may end before the process does.
    wait_until(lambda: "Stopped." in first.read())
    held.unlink()
    code, lines = first.finish()
    assert code == 130
    assert "Stopped. Progress is saved. To resume, run:" in lines

    code, lines = Terminal(tmp_path, command, environment).finish()
    assert code == 1
    counts = {name: value for name, _, value in (line.rpartition("  ") for line in lines) if value}
    shown = {name.strip(): value.strip() for name, value in counts.items()}
    assert (shown["files"], shown["succeeded"], shown["failed"]) == (str(COUNT + 2), str(COUNT), "2")
    assert int(shown["sent now"]) <= COUNT + 1
    assert (shown["skipped NO_IMAGE_SUFFIX"], shown["failed NOT_AN_IMAGE"]) == ("1", "1")
    # A path is broken after a slash, and its message is below it.
    start = lines.index("photos/a-folder-with-a-long-name/another-folder-with-a-long-name/")
    assert lines[start + 1] == "  an-empty-file.png"
    assert "LOCAL_FILE:" in lines[start + 2]

    (tmp_path / "elsewhere").mkdir()
    again = Terminal(tmp_path / "elsewhere", ["ingest", "../photos", *command[2:]], environment)
    code, lines = again.finish()
    text = "\n".join(lines)
    assert code == 1
    assert re.search(r"sent now +0\n", text)
    assert re.search(rf"done before +{COUNT + 1}\n", text)
    # Only the log of this test, without an upload.
    assert [(path.name, path.stat().st_size) for path in (tmp_path / "elsewhere").iterdir()] == [("uploads.log", 0)]

    preview = subprocess.run(
        [sys.executable, "-m", "safelight", *command, "--dry-run", "--json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    document = json.loads(preview.stdout)
    assert preview.returncode == 1
    assert {name: document[name] for name in ("send", "continue", "skip", "fail")} == {
        "send": 0,
        "continue": 0,
        "skip": COUNT + 2,
        "fail": 1,
    }
