"""Prose uses the terms of the glossary and plain English."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter

import pytest
from support.prose import Text, javascript, markdown, python, read_prose, read_rules

RULES = read_rules()


def broken(texts: Iterable[Text]) -> list[str]:
    """Return a sentence for each place where a rule is broken."""
    found: list[str] = []
    for _, group in groupby(texts, attrgetter("file")):
        of_file = list(group)
        # Few rules are broken, so look at whole files first. No match continues in the next text.
        whole = "\0".join(text.text for text in of_file)
        rules = [rule for rule in RULES if rule.pattern.search(whole)]
        found += [sentence for text in of_file for rule in rules for sentence in rule.broken_by(text)]
    return found


def test_prose_follows_the_rules() -> None:
    """Docs, docstrings, comments, messages, help texts, descriptions and the web page."""
    found = broken(read_prose())
    assert not found, f"{len(found)} places\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (markdown("A picture is\ntold.", "docs/x.md"), ['docs/x.md:1: "picture"', 'docs/x.md:1: "is told"']),
        (python('"""Tell whether it is so."""', "api/x.py", strings=False), ['api/x.py:1: "Tell whether"']),
        (python("x = 1  # nobody knows", "api/x.py", strings=False), ['api/x.py:1: "nobody knows"']),
        (python('x = "Whoever reads this"', "api/x.py", strings=True), ['api/x.py:1: "Whoever"']),
        (javascript('el("p", "Your wishes are kept")', "web/app/x.js"), ['web/app/x.js:1: "wishes"']),
    ],
)
def test_a_broken_rule_is_found(texts: Iterator[Text], expected: list[str]) -> None:
    """In each kind of file, with its place."""
    assert [sentence.rpartition(": write ")[0] for sentence in broken(texts)] == expected


@pytest.mark.parametrize(
    "texts",
    [
        markdown("```sh\npicture\n```\nThe field `picture`, see [this](picture.md).", "docs/x.md"),
        python('x = "picture"', "api/x.py", strings=True),
        python('x = "Whoever reads this"', "tests/x.py", strings=False),
    ],
)
def test_code_is_not_prose(texts: Iterator[Text]) -> None:
    """Code blocks, identifiers, link targets and strings of tests are not checked."""
    assert broken(texts) == []
