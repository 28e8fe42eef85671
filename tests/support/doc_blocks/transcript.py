"""Transcripts: commands after ``$`` and their output. Numbers and IDs can differ."""

import re
from dataclasses import dataclass, field

from support.doc_blocks.shell import Shell

_ID = re.compile(r"\b01[0-9A-HJKMNP-TV-Z]{24}\b")
_PROGRESS = re.compile(r"^[\d,]+/[\d,]+\+?  .* ETA .*\n", re.MULTILINE)
_SUCCESS = (0,)
#: Also a partial failure, which the transcript shows.
_SUCCESS_OR_PARTIAL = (0, 1)


@dataclass(frozen=True)
class Step:
    """A command and the output that is shown for it."""

    command: str
    shown: str


@dataclass
class TranscriptRunner:
    """Runs transcripts; an ID that is shown is replaced by the real one in later commands."""

    shell: Shell
    ids: dict[str, str] = field(default_factory=dict)

    def run(self, transcript: str) -> None:
        """Run each command and compare its output with the shown one, if any.

        The order of lines can differ because files are processed concurrently.
        """
        for step in parse_steps(transcript):
            command = _ID.sub(lambda match: self.ids.get(match[0], match[0]), step.command)
            printed = self.shell.run(command, allowed=_SUCCESS_OR_PARTIAL if step.shown else _SUCCESS)
            if not step.shown:
                continue
            output = printed.replace(self.shell.environment["SAFELIGHT_STATE_DIR"], "/home/me/.local/state/safelight")
            # A slow machine also prints lines of progress.
            output = _PROGRESS.sub("", output.replace(str(self.shell.folder), "/home/me"))
            shown, real = (sorted(text.strip().splitlines(), key=normalize) for text in (step.shown, output))
            assert [normalize(line) for line in real] == [normalize(line) for line in shown], (
                f"$ {step.command}\n{output}"
            )
            for pair in zip(shown, real, strict=True):
                self.ids |= dict(zip(*map(_ID.findall, pair), strict=True))


def parse_steps(transcript: str) -> list[Step]:
    """Return the commands of a transcript."""
    parts = re.split(r"^\$ ", transcript, flags=re.MULTILINE)
    assert not parts[0], f"{parts[0]!r} is before the first command"
    found = []
    for part in parts[1:]:
        command, _, shown = part.partition("\n")
        found.append(Step(command, shown))
    return found


def normalize(line: str) -> str:
    """Return a line without IDs, hashes and numbers."""
    text = _ID.sub("<id>", line)
    text = re.sub(r"\b[0-9a-f]{16}\b", "<hash>", text)
    return re.sub(r"\d[\d,.:TZ-]*(?<=\d|Z)", "#", text)
