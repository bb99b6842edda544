"""Rules about Python source that no linter knows, or that a comment could silence there.

``python -m tests.checks.house_rules`` prints every breach and exits 1 if there is one.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from tests.checks.exceptions import ALLOWED
from tests.checks.files import python_files, read

MODULE_LINES_MAX = 300
FUNCTION_LINES_MAX = 40
NAMES_OF_NOTHING = {"util", "utils", "helper", "helpers", "manager", "managers", "common", "misc", "stuff"}
SHELLS = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "eval", "exec"}
RUNNERS = {"run", "Popen", "call", "check_call", "check_output"}
AGENT_MAY_KNOW = (
    "provisioning.agent",
    "provisioning.checks",
    "provisioning.record_sets",
    "provisioning.resource",
    "provisioning.shards",
    "provisioning.wire",
    "provisioning.zone",
)

_SUPPRESSION = re.compile(r"#\s*(?:noqa|type:\s*ignore)\b")
_REASON = re.compile(r"#\s*(?:noqa:\s*[A-Z0-9, ]+|type:\s*ignore\[[a-z, -]+\])\s*(?:#\s*|[-–—:]\s*|\s)\S+\s+\S+")


@dataclass(frozen=True)
class Source:
    """One Python file, read and parsed once."""

    path: str
    text: str
    tree: ast.Module

    @property
    def is_product(self) -> bool:
        """Tell product code from tests and migrations, for which some measures differ."""
        return not self.path.startswith(("tests/", "migrations/"))


@dataclass(frozen=True)
class Breach:
    """One place where a rule is broken."""

    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


Rule = Callable[[Source], Iterator[Breach]]


def breaches(path: str, text: str) -> list[Breach]:
    """Return what ``text``, standing at ``path``, breaks and is not allowed to (``exceptions.ALLOWED``)."""
    source = Source(path, text, ast.parse(text))
    found = [breach for rule in RULES for breach in rule(source)]
    return [breach for breach in found if (breach.rule, breach.path) not in ALLOWED]


def module_length(source: Source) -> Iterator[Breach]:
    """Keep modules short enough to read at one sitting."""
    lines = source.text.count("\n")
    if source.is_product and lines > MODULE_LINES_MAX:
        yield Breach(source.path, 1, "module_length", f"{lines} lines, at most {MODULE_LINES_MAX}")


def function_length(source: Source) -> Iterator[Breach]:
    """Keep functions short; ``exceptions.LONG_FUNCTIONS`` holds those that have a reason."""
    for node in ast.walk(source.tree):
        if not source.is_product or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > FUNCTION_LINES_MAX and ("function_length", f"{source.path}:{node.name}") not in ALLOWED:
            yield Breach(source.path, node.lineno, "function_length", f"{node.name} has {lines} lines")


def import_inside_function(source: Source) -> Iterator[Breach]:
    """Keep imports at the top, where contracts and readers see them."""
    for function in ast.walk(source.tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    yield Breach(source.path, node.lineno, "import_inside_function", f"in {function.name}")


def shell(source: Source) -> Iterator[Breach]:
    """Send no command through a shell, run no text as code, give argv as a list."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        if name in SHELLS:
            yield Breach(source.path, node.lineno, "shell", name)
        if any(word.arg == "shell" and not _is_false(word.value) for word in node.keywords):
            yield Breach(source.path, node.lineno, "shell", f"{name}(shell=…)")
        if (
            name.startswith("subprocess.")
            and name.rpartition(".")[2] in RUNNERS
            and node.args
            and _is_text(node.args[0])
        ):
            yield Breach(source.path, node.lineno, "shell", f"{name} with a command in one string")


def broad_except(source: Source) -> Iterator[Breach]:
    """Catch what can be named, or raise it again; places that must survive anything are in ``exceptions.ALLOWED``."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler) or not source.is_product or _raises_again(node):
            continue
        if _catches_everything(node.type):
            yield Breach(source.path, node.lineno, "broad_except", ast.unparse(node.type) if node.type else "except:")


def error_text(source: Source) -> Iterator[Breach]:
    """Decide nothing by an error's text: types and codes say what happened."""
    for handler in ast.walk(source.tree):
        if not isinstance(handler, ast.ExceptHandler) or handler.name is None or not source.is_product:
            continue
        text = {f"str({handler.name})", f"repr({handler.name})", f"{handler.name}.args[0]", f"{handler.name}.args"}
        for node in ast.walk(handler):
            if isinstance(node, ast.Compare) and text & {
                ast.unparse(part) for part in ast.walk(node) if _is_expression(part)
            }:
                yield Breach(source.path, node.lineno, "error_text", ast.unparse(node))


def file_name(source: Source) -> Iterator[Breach]:
    """Refuse names that say nothing about what is inside."""
    for part in PurePosixPath(source.path).with_suffix("").parts:
        if part in NAMES_OF_NOTHING:
            yield Breach(source.path, 1, "file_name", f"'{part}' says nothing about what is inside")


def agent_imports(source: Source) -> Iterator[Breach]:
    """Let what ships to nodes need nothing there but Python: stdlib, resources and wire."""
    if not source.path.startswith("provisioning/agent/") and source.path not in AGENT_FILES:
        return
    for node in ast.walk(source.tree):
        for name in _imported(node):
            if name.partition(".")[0] not in sys.stdlib_module_names and not name.startswith(AGENT_MAY_KNOW):
                yield Breach(source.path, getattr(node, "lineno", 1), "agent_imports", name)


def unexplained_suppression(source: Source) -> Iterator[Breach]:
    """Whoever silences a tool says which rule and why, on the same line."""
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type == tokenize.COMMENT and _SUPPRESSION.search(token.string) and not _REASON.search(token.string):
            yield Breach(source.path, token.start[0], "unexplained_suppression", token.string)


RULES: tuple[Rule, ...] = (
    module_length,
    function_length,
    import_inside_function,
    shell,
    broad_except,
    error_text,
    file_name,
    agent_imports,
    unexplained_suppression,
)
AGENT_FILES = (
    "provisioning/checks.py",
    "provisioning/record_sets.py",
    "provisioning/resource.py",
    "provisioning/resources.py",
    "provisioning/shards.py",
    "provisioning/wire.py",
    "provisioning/zone.py",
    "provisioning/__init__.py",
)


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_expression(node: ast.AST) -> bool:
    return isinstance(node, ast.Call | ast.Subscript | ast.Attribute)


def _catches_everything(caught: ast.expr | None) -> bool:
    names = [ast.unparse(part) for part in caught.elts] if isinstance(caught, ast.Tuple) else []
    names += [] if caught is None else [ast.unparse(caught)]
    return caught is None or any(name in ("Exception", "BaseException") for name in names)


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return [node.module if node.module != "provisioning" else f"provisioning.{alias.name}" for alias in node.names]  # type: ignore[misc]  # level 0 always has a module
    return []


def main() -> int:
    """Print the breaches of all files and return 1 if there are any."""
    found = [breach for path in python_files() for breach in breaches(path, read(path))]
    for breach in found:
        print(breach)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
