"""A project's Python files as normalised syntax trees: what was run, without how it was written."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from towpath.core.digests import digest_bytes
from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

Definition: TypeAlias = ast.stmt
_OWN_DECORATORS = frozenset({"step", "pipeline"})
_MAIN = "__main__"


@dataclass(slots=True)
class Module:
    """One source file.

    Attributes:
        name: Its dotted name; a package's is the package's.
        is_package: Whether it is an `__init__.py`.
        body: Its top-level statements, normalised.
        definitions: Top-level names to the statements that bind them.
        effects: Statements that do something when the module is imported, besides binding names.
    """

    name: str
    is_package: bool
    body: list[ast.stmt]
    definitions: dict[str, list[Definition]] = field(default_factory=dict[str, list[Definition]])
    effects: list[ast.stmt] = field(default_factory=list[ast.stmt])

    @property
    def package(self) -> str:
        """The package that relative imports in it start from."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


class SourceTree:
    """The modules under some folders, parsed on demand and kept. Reads files, imports nothing.

    Args:
        roots: Folders that imports start from, first match wins.
        only: Takes a module's name and tells whether it counts as the project's; all by default.
    """

    def __init__(self, roots: Sequence[Path], only: Callable[[str], bool] | None = None) -> None:
        self._roots = tuple(roots)
        self._only = only
        self._modules: dict[str, Module | None] = {}

    def find(self, name: str) -> Module | None:
        """Return a module of the project, or None for anybody else's.

        Raises:
            InvalidProject: It is not valid Python.
        """
        if name not in self._modules:
            mine = self._only is None or self._only(name)
            self._modules[name] = self._load(name) if mine else None
        return self._modules[name]

    def names(self) -> Iterator[str]:
        """Yield the name of every module there is."""
        for root in self._roots:
            for path in sorted(root.rglob("*.py")):
                parts = path.relative_to(root).with_suffix("").parts
                if all(part.isidentifier() for part in parts):
                    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                    if name and (self._only is None or self._only(name)):
                        yield name

    def _load(self, name: str) -> Module | None:
        stem = name.replace(".", "/")
        for root in self._roots:
            for path, is_package in (
                (root / stem / "__init__.py", True),
                (root / f"{stem}.py", False),
            ):
                if path.is_file():
                    source = path.read_bytes()
                    return parse_module(
                        name, source, is_package=is_package, is_project=self._is_project
                    )
        return None

    def _is_project(self, top: str) -> bool:
        return any((root / top).is_dir() or (root / f"{top}.py").is_file() for root in self._roots)


def parse_module(
    name: str,
    source: bytes,
    *,
    is_package: bool = False,
    is_project: Callable[[str], bool] = lambda _: False,
) -> Module:
    """Parse and normalise one file: no comments, docstrings, layout, nor our own decorators.

    Args:
        name: Its dotted name.
        source: Its bytes.
        is_package: Whether it is an `__init__.py`.
        is_project: Tells whether a top-level module name is the project's.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise InvalidProject(f"module {name!r} is not valid Python: {error}") from error
    normal = _Normalise(_own_decorators(tree)).visit(tree)
    module = Module(name=name, is_package=is_package, body=normal.body)
    acting = [one for one in module.body if not _is_guard(one)]
    for statement in acting:
        for bound in _binds(statement):
            module.definitions.setdefault(bound, []).append(statement)
    judge = _Judge(module, is_project)
    module.effects = [one for one in acting if not judge.only_binds(one)]
    return module


def digest_nodes(nodes: Sequence[ast.AST]) -> str:
    """Return a digest of syntax trees, positions left out."""
    return digest_bytes("\n".join(ast.dump(node) for node in nodes).encode())


def root_name(node: ast.expr) -> str:
    """Return `a` for `a`, `a.b.c`, `a(…)` and `a[…]`; else nothing."""
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


class _Normalise(ast.NodeTransformer):
    """Drops what can't change a result."""

    def __init__(self, own: frozenset[str]) -> None:
        self._own = own

    def visit_Module(self, node: ast.Module) -> ast.AST:
        return self._without_docstring(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list = [one for one in node.decorator_list if _called(one) not in self._own]
        return self._without_docstring(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._without_docstring(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._without_docstring(node)

    def _without_docstring(
        self, node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    ) -> ast.AST:
        self.generic_visit(node)
        first = node.body[0] if node.body else None
        if (
            isinstance(first, ast.Expr)
            and isinstance(first.value, ast.Constant)
            and isinstance(first.value.value, str)
        ):
            node.body = node.body[1:]
        return node


def _own_decorators(tree: ast.Module) -> frozenset[str]:
    """Return how a file spells our decorators: they say how a step is run, not what it computes."""
    found: set[str] = set()
    for statement in tree.body:
        match statement:
            case ast.Import(names=names):
                tops = [one.asname or one.name for one in names if one.name == "towpath"]
                found |= {f"{top}.{name}" for top in tops for name in _OWN_DECORATORS}
            case ast.ImportFrom(module=str(source), names=names, level=0):
                if source.partition(".")[0] == "towpath":
                    own = [one for one in names if one.name in _OWN_DECORATORS]
                    found |= {one.asname or one.name for one in own}
            case _:
                pass
    return frozenset(found)


def _called(decorator: ast.expr) -> str:
    """Return `tp.step` for `@tp.step` and `@tp.step(…)`."""
    return ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator)


def _is_guard(statement: ast.stmt) -> bool:
    """Tell `if TYPE_CHECKING:` and `if __name__ == "__main__":`, which don't run in a step."""
    if not isinstance(statement, ast.If) or statement.orelse:
        return False
    match statement.test:
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True
        case ast.Compare(left=ast.Name(id="__name__"), comparators=[ast.Constant(value=value)]):
            return value == _MAIN
        case _:
            return False


def _binds(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            for alias in names:
                yield alias.asname or alias.name.partition(".")[0]
        case _:
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id
                elif isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
                    yield from _binds(node)


@dataclass(frozen=True, slots=True)
class _Judge:
    """Tells statements that only bind names from those that act when the module is imported."""

    module: Module
    is_project: Callable[[str], bool]

    def only_binds(self, statement: ast.stmt) -> bool:
        """Tell whether leaving the statement out matters to nobody who does not use its names."""
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return all(map(self._is_foreign, statement.decorator_list))
            case ast.ClassDef():
                above = [*statement.bases, *(one.value for one in statement.keywords)]
                return all(map(self._is_foreign, [*statement.decorator_list, *above]))
            case ast.Assign(targets=targets, value=value):
                simple = all(isinstance(one, ast.Name | ast.Tuple) for one in targets)
                return simple and self._calls_only_foreign(value)
            case ast.AnnAssign(target=ast.Name(), value=value):
                return value is None or self._calls_only_foreign(value)
            case _:
                return isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass)

    def _calls_only_foreign(self, value: ast.expr) -> bool:
        """Tell whether no function of the project is called, which could keep a record of it."""
        calls = (node for node in ast.walk(value) if isinstance(node, ast.Call))
        return all(map(self._is_foreign, calls))

    def _is_foreign(self, node: ast.expr) -> bool:
        """Tell whether what a decorator, base or call names comes from a library or the language."""
        return all(map(self._is_library_import, self.module.definitions.get(root_name(node), [])))

    def _is_library_import(self, statement: ast.stmt) -> bool:
        match statement:
            case ast.Import(names=names):
                return not any(self.is_project(one.name.partition(".")[0]) for one in names)
            case ast.ImportFrom(module=str(source), level=0):
                return not self.is_project(source.partition(".")[0])
            case _:
                return False
