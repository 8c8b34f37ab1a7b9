"""Write the pages of docs/reference from the program itself, and the table of its API into http.md.

Run it after changing a command, a setting or a route; a test compares the pages with the program.
"""

from __future__ import annotations

import dataclasses
import json
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

import docstring_parser

from towpath.cli.main import app
from towpath.cli.options import COMMON, Common
from towpath.core.settings import Settings
from towpath.server.document import openapi_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cyclopts import App
    from cyclopts.argument import Argument

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"
_WRITTEN = "<!-- Written by scripts/write_reference.py from the program itself; don't edit. -->"
_API_BEGIN = "<!-- api: written by scripts/write_reference.py -->\n"
_API_END = "<!-- /api -->\n"
_WORDS = {str: "TEXT", int: "N", Path: "PATH", float: "NUMBER"}

_CLI_HEAD = f"""{_WRITTEN}

# Command line

Data goes to standard output and messages to standard error. With `--json` a command prints one JSON value on one line. `towpath COMMAND --help` says the same as this page.

| exit code | means |
|---|---|
| 0 | done |
| 1 | failed: a step raised, rows don't fit, the named thing does not exist |
| 2 | usage: the command, a setting or the project file can't be meant; nothing was touched |
| 3 | a gate refused |
| 4 | a budget refused |
| 5 | infrastructure or a race: database away, disk full, somebody else was first; worth a retry |

"""
_SETTINGS_HEAD = f"""{_WRITTEN}

# Settings

A setting is looked for in four places; the first that has it wins:

1. the command line, where the [command](cli.md) has a flag for it;
2. the environment: `TOWPATH_` and the name in capitals, such as `TOWPATH_HOME`;
3. the settings file: `towpath.toml`, or `[tool.towpath]` in `pyproject.toml`, in the current folder or the nearest one above it;
4. the default.

A name that is not on this page is an error, wherever it stands; the message suggests the nearest one.

"""


def command_line() -> str:
    """Return the page on commands."""
    parts = [_CLI_HEAD, "## Options of every command\n\n", _common_options()]
    for name, command in _commands(app, "towpath"):
        parts.append(_section(name, command))
    return "".join(parts).rstrip() + "\n"


def settings() -> str:
    """Return the page on settings."""
    told = _told(Settings)
    rows = ["| name | default | what it is |\n|---|---|---|\n"]
    for field in dataclasses.fields(Settings):
        default = field.default
        shown = "" if default in (None, "", ()) else f"`{_toml(default)}`"
        rows.append(f"| `{field.name}` | {shown} | {_cell(told[field.name])} |\n")
    return _SETTINGS_HEAD + "".join(rows)


def _commands(group: App, path: str) -> Iterator[tuple[str, App]]:
    """Yield every command below a group: a group's own first, if it does something by itself."""
    for name in group:
        if name.startswith("-"):
            continue
        command = group[name]
        if command.default_command is not None:
            yield f"{path} {name}", command
        yield from _commands(command, f"{path} {name}")


def _section(name: str, command: App) -> str:
    function: Any = command.default_command
    told = _told(function)
    for kind in get_type_hints(function).values():  # options that several commands share
        if dataclasses.is_dataclass(kind):
            told |= _told(kind)
    places: list[str] = []
    rows: list[str] = []
    for argument in command.assemble_argument_collection():
        key = argument.field_info.name
        if not argument.show or _is_common(argument):
            continue
        label = _label(argument)
        if argument.name.startswith("--"):
            places += [label] if argument.required else []
            rows.append(f"| `{_cell(label)}` | {_cell(told[key])}{_default(argument)} |\n")
        else:
            places.append(label)
            if key in told:
                rows.append(f"| `{argument.name}` | {_cell(told[key])} |\n")
    usage = " ".join([name, *places])
    parsed = docstring_parser.parse(function.__doc__)
    text = " ".join(filter(None, (parsed.short_description, parsed.long_description)))
    table = "".join(["\n| | |\n|---|---|\n", *rows]) if rows else ""
    return f"\n## {name}\n\n{_flat(text)}\n\n```text\n{usage}\n```\n{table}"


def _common_options() -> str:
    told = _told(Common)
    rows = ["| | |\n|---|---|\n"]
    for argument in app["runs"].assemble_argument_collection():
        if argument.show and _is_common(argument):
            rows.append(f"| `{_label(argument)}` | {_cell(told[argument.field_info.name])} |\n")
    return "".join(rows)


def _is_common(argument: Argument) -> bool:
    return COMMON in argument.parameter.group


def _label(argument: Argument) -> str:
    """Return how to write an argument: `NAME`, `[MORE…]`, `--limit N`, `--yes, -y`."""
    if not argument.name.startswith("--"):
        repeats = argument.field_info.kind is argument.field_info.VAR_POSITIONAL
        name = f"{argument.name}…" if repeats else argument.name
        return name if argument.required else f"[{name}]"
    names = ", ".join(argument.names)
    word = argument.parameter.metavar or _word(argument.hint)
    return f"{names} {word}" if word else names


def _word(hint: Any) -> str:
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (one for one in get_args(hint) if one is not types.NoneType)
    if get_origin(hint) is Literal:
        return "|".join(get_args(hint))
    return _WORDS.get(hint, "")


def _default(argument: Argument) -> str:
    default = argument.field_info.default
    if argument.required or default in (None, ()) or isinstance(default, bool):
        return ""
    return f" Default: `{default}`."


def _told(documented: Any) -> dict[str, str]:
    """Return what a docstring says of each argument or attribute."""
    parsed = docstring_parser.parse(documented.__doc__ or "")
    return {one.arg_name: one.description or "" for one in parsed.params}


def _cell(text: str) -> str:
    return _flat(text).replace("|", "\\|")


def _flat(text: str) -> str:
    return " ".join(text.split())


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def http(page: str) -> str:
    """Return the page on HTTP with its table of the API's routes renewed."""
    paths: dict[str, Any] = json.loads(openapi_document())["paths"]
    rows = ["\n| request | answer |\n|---|---|\n"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            rows.append(f"| `{method.upper()} {path}` | {_cell(operation['description'])} |\n")
    begin, _, rest = page.partition(_API_BEGIN)
    _, _, end = rest.partition(_API_END)
    return f"{begin}{_API_BEGIN}{''.join(rows)}\n{_API_END}{end}"


def pages() -> dict[Path, str]:
    """Return what each page should hold."""
    page = REFERENCE / "http.md"
    return {
        REFERENCE / "cli.md": command_line(),
        REFERENCE / "settings.md": settings(),
        page: http(page.read_text("utf-8")),
    }


def main() -> None:
    """Write them."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
