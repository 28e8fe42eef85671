"""Transcripts: commands after ``$``, and below each what it printed, in which figures and IDs may be others."""

import re
from dataclasses import dataclass, field

from support.doc_blocks.shell import Shell

_ID = re.compile(r"\b01[0-9A-HJKMNP-TV-Z]{24}\b")
_WELL = (0,)
#: All went well, or some of it did not, as the transcript then shows.
_EITHER = (0, 1)


@dataclass(frozen=True)
class Step:
    """A command and what is shown below it."""

    command: str
    shown: str


@dataclass
class Player:
    """Plays transcripts; an ID that is shown stands for the one that came in its place, from then on."""

    shell: Shell
    ids: dict[str, str] = field(default_factory=dict)

    def play(self, transcript: str) -> None:
        """Run each command and compare what it prints with what is shown, where something is shown.

        Lines may come in another order: files are processed side by side.
        """
        for step in steps(transcript):
            command = _ID.sub(lambda match: self.ids.get(match[0], match[0]), step.command)
            printed = self.shell.run(command, allowed=_EITHER if step.shown else _WELL)
            if not step.shown:
                continue
            told = printed.replace(self.shell.environment["SAFELIGHT_STATE_DIR"], ".safelight")
            told = told.replace(str(self.shell.folder), "/home/me")
            shown, real = (sorted(text.strip().splitlines(), key=general) for text in (step.shown, told))
            assert [general(line) for line in real] == [general(line) for line in shown], f"$ {step.command}\n{told}"
            for pair in zip(shown, real, strict=True):
                self.ids |= dict(zip(*map(_ID.findall, pair), strict=True))


def steps(transcript: str) -> list[Step]:
    """Return the commands of a transcript."""
    parts = re.split(r"^\$ ", transcript, flags=re.MULTILINE)
    assert not parts[0], f"{parts[0]!r} stands before the first command"
    found = []
    for part in parts[1:]:
        command, _, shown = part.partition("\n")
        found.append(Step(command, shown))
    return found


def general(line: str) -> str:
    """Return a line without what differs from run to run: IDs, hashes, figures."""
    text = _ID.sub("<id>", line)
    text = re.sub(r"\b[0-9a-f]{16}\b", "<hash>", text)
    return re.sub(r"\d[\d,.:TZ-]*(?<=\d|Z)", "#", text)
