"""Every test can fail: no assertion is true whatever the code does."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.source_files import list_files

TESTS = Path(__file__).parents[1]
FILES = sorted(path.relative_to(TESTS).as_posix() for path in list_files(TESTS, "*.py"))
#: Displays and expressions that are true by themselves, unless they are empty.
ALWAYS_TRUE = (ast.GeneratorExp, ast.Lambda, ast.JoinedStr)


def vacuous(code: ast.AST) -> Iterator[str]:
    """Yield each assertion that cannot fail."""
    for node in ast.walk(code):
        if not isinstance(node, ast.Assert):
            continue
        test, message = node.test, node.msg
        if isinstance(message, (ast.Compare, ast.BoolOp)):
            yield f"line {node.lineno}: the comparison is the message of the assertion; put its sides in parentheses"
        if isinstance(test, ALWAYS_TRUE) or (isinstance(test, ast.Constant) and test.value):
            yield f"line {node.lineno}: this is always true"
        if isinstance(test, (ast.Tuple, ast.List, ast.Set)) and test.elts:
            yield f"line {node.lineno}: a display that is not empty is always true"
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
            yield from (f"line {node.lineno}: one side is always true" for each in test.values if always_true(each))


def always_true(expression: ast.expr) -> bool:
    """Return True if an expression is true whatever the code does."""
    return isinstance(expression, ALWAYS_TRUE) or (isinstance(expression, ast.Constant) and bool(expression.value))


@pytest.mark.parametrize("file", FILES)
def test_no_assertion_is_always_true(file: str) -> None:
    """``assert a, b == c`` asserts nothing but ``a``."""
    assert list(vacuous(ast.parse((TESTS / file).read_text("utf-8")))) == []


@pytest.mark.parametrize(
    "code",
    [
        "assert a, b == c",
        "assert a, b and c",
        "assert (a == b for a in c)",
        "assert (a, b)",
        "assert 'text'",
        "assert lambda: a",
        "assert a == b or True",
    ],
)
def test_a_vacuous_assertion_is_found(code: str) -> None:
    """Each of these asserts nothing."""
    assert list(vacuous(ast.parse(code)))


@pytest.mark.parametrize("code", ["assert a == b, 'message'", "assert a, f'{b}'", "assert a or b", "assert not [a]"])
def test_a_real_assertion_passes(code: str) -> None:
    """These can fail."""
    assert not list(vacuous(ast.parse(code)))
