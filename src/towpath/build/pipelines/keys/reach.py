"""What a step's function reaches in its project's code.

In the step's own module reach goes name by name, so that changing one step leaves its neighbours'
results alone: the function, what it names, what those name, and every statement that acts when the
module is imported. A project module that any of them imports counts whole, and so does what it
imports in turn. Where code looks names up at run time (`importlib`, `eval`, …) everything counts. So
the answer errs to one side only: a step may run again needlessly, never wrongly not.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from towpath.build.pipelines.keys.sources import digest_nodes
from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from towpath.build.pipelines.keys.sources import Module, SourceTree

_STAR = "*"
_DYNAMIC = frozenset({"importlib", "__import__", "import_module", "eval", "exec", "globals"})


def code_parts(tree: SourceTree, module: str, function: str) -> dict[str, str]:
    """Return the code that a step reaches: `code:module.name` or `code:module` to its digest.

    Raises:
        InvalidProject: The module or function is not in the tree, or something reached is not Python.
    """
    home = tree.find(module)
    if home is None or function not in home.definitions:
        raise InvalidProject(
            f"{module}.{function} is not in the project's code",
            remedy="Define steps in files of the project, and keep those out of the ignored ones.",
        )
    walk = _Walk(tree, home)
    walk.follow(function)
    return dict(sorted(walk.parts.items()))


def imported_libraries(tree: SourceTree) -> set[str]:
    """Return every module that a project's files import, wherever, and do not define."""
    found: set[str] = set()
    for name in tree.names():
        module = tree.find(name)
        for statement in _imports_in(module.body if module is not None else ()):
            if isinstance(statement, ast.Import):
                found |= {alias.name for alias in statement.names}
            elif statement.module and not statement.level:
                found.add(statement.module)
    return {name for name in found if tree.find(name) is None}


class _Walk:
    """One walk over the code, from one function."""

    def __init__(self, tree: SourceTree, home: Module) -> None:
        self._tree = tree
        self._home = home
        self._whole: set[str] = set()
        self.parts: dict[str, str] = {}

    def follow(self, function: str) -> None:
        """Collect everything that a function of the home module reaches."""
        home = self._home
        self._ancestors(home)
        seen: set[str] = set()
        wanted = [function, _STAR, *_used(home.effects), *self._imports_for_effect()]
        if home.effects:
            self.parts[f"code:{home.name}"] = digest_nodes(home.effects)
        self._reach(self._imported(home, _imports_in(home.effects)))
        while wanted:
            name = wanted.pop()
            statements = home.definitions.get(name)
            if name in seen or statements is None:
                continue
            seen.add(name)
            inside = [one for one in statements if one not in home.effects]
            binding = [one for one in inside if isinstance(one, ast.Import | ast.ImportFrom)]
            self._reach(self._imported(home, binding, only=name))
            real = [one for one in inside if one not in binding]
            self._reach(self._imported(home, _imports_in(real)))
            if real:
                self.parts[f"code:{home.name}.{name}"] = digest_nodes(real)
            used = _used(real)
            wanted += used
            self._notice_dynamic(used)

    def _imports_for_effect(self) -> Iterator[str]:
        """Yield names that a plain `import x` binds and nothing uses: it can only be for its effect."""
        used = set(_used(self._home.body))
        for statement in self._home.body:
            if isinstance(statement, ast.Import):
                plain = [one.name.partition(".")[0] for one in statement.names if not one.asname]
                yield from (name for name in plain if name not in used)

    def _reach(self, modules: Iterable[str]) -> None:
        """Take in whole modules, and what they import."""
        queue = list(modules)
        while queue:
            module = self._tree.find(queue.pop())
            if module is None or module.name in self._whole:
                continue
            self._whole.add(module.name)
            self.parts[f"code:{module.name}"] = digest_nodes(module.body)
            self._ancestors(module)
            queue += self._imported(module, _imports_in(module.body))
            self._notice_dynamic(_used(module.body))

    def _ancestors(self, module: Module) -> None:
        """Take in what the packages above a module do when they are imported."""
        parent = module.name.rpartition(".")[0]
        while parent:
            package = self._tree.find(parent)
            if package is not None and package.effects and parent not in self._whole:
                self.parts[f"code:{parent}"] = digest_nodes(package.effects)
            parent = parent.rpartition(".")[0]

    def _notice_dynamic(self, used: Iterable[str]) -> None:
        if _DYNAMIC.intersection(used) and not self._whole.issuperset(self._tree.names()):
            self._reach(list(self._tree.names()))

    def _imported(
        self,
        module: Module,
        imports: Iterable[ast.Import | ast.ImportFrom],
        only: str | None = None,
    ) -> Iterator[str]:
        """Yield the project modules that import statements load, for all names or only for one."""
        for statement in imports:
            for alias in statement.names:
                if isinstance(statement, ast.Import):
                    bound = alias.asname or alias.name.partition(".")[0]
                    if only in (None, bound):
                        yield alias.name
                    continue
                if (
                    only is not None
                    and only != (alias.asname or alias.name)
                    and alias.name != _STAR
                ):
                    continue
                base = _absolute(module, statement)
                inner = f"{base}.{alias.name}" if base else alias.name
                yield inner if self._tree.find(inner) is not None else base


def _absolute(module: Module, statement: ast.ImportFrom) -> str:
    """Return the module that `from … import` names, relative dots resolved."""
    if not statement.level:
        return statement.module or ""
    package = module.package
    for _ in range(statement.level - 1):
        package = package.rpartition(".")[0]
    return f"{package}.{statement.module}".strip(".") if statement.module else package


def _imports_in(statements: Iterable[ast.AST]) -> list[ast.Import | ast.ImportFrom]:
    return [
        node
        for statement in statements
        for node in ast.walk(statement)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]


def _used(statements: Iterable[ast.AST]) -> list[str]:
    """Return every name that statements read or write, nested code included; too many is fine."""
    return [
        node.id
        for statement in statements
        for node in ast.walk(statement)
        if isinstance(node, ast.Name)
    ]
