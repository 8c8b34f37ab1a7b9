"""The key itself, and why it is a new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.core.digests import digest_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from towpath.ledger.records import Execution

FORMAT = 1
ASKED_ANEW = "it was asked for anew"
_SHOWN = 4
_WORDS = {
    "code": "code of {}",
    "param": "parameter {}",
    "input": "input {}",
    "output": "the format of its result",
    "file": "file {}",
    "env": "environment variable {}",
    "seed": "the seed",
    "lock": "the installed packages",
    "step": "its name",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepKey:
    """A key and the digests it is made of.

    Attributes:
        parts: Component (`code:…`, `param:…`, `input:…`, `output:…`, `file:…`, `env:…`, `seed`,
            `lock`, `step`) to digest.
        digest: The key: SHA-256 over the parts.
    """

    parts: Mapping[str, str]
    digest: str


def step_parts(
    *,
    step: str,
    code: Mapping[str, str],
    outputs: Sequence[str],
    lock: str,
    files: Mapping[str, str],
    env: Mapping[str, str | None],
    seed: int | None,
) -> dict[str, str]:
    """Return the parts of a key that all calls of a step share.

    Args:
        step: The step's path, `module.name`.
        code: What it reaches, as `code_parts` returns it.
        outputs: Type, format and format version of each result.
        lock: Digest of the installed distributions.
        files: Declared files to the digests of their content.
        env: Declared environment variables to their values; None where unset.
        seed: The declared seed.
    """
    parts = dict(code)
    parts["step"] = digest_json(step)
    parts["lock"] = lock
    parts["seed"] = digest_json(seed)
    parts["output"] = digest_json(outputs)
    for name, value in env.items():
        parts[f"env:{name}"] = digest_json(value)
    for name, digest in files.items():
        parts[f"file:{name}"] = digest
    return parts


def call_key(
    shared: Mapping[str, str],
    *,
    params: Mapping[str, object],
    inputs: Mapping[str, str | Sequence[str]],
) -> StepKey:
    """Put the key of one call together.

    Args:
        shared: The parts that all calls of the step share.
        params: Constants as `encode_value` writes them, defaults included.
        inputs: Content digests of its inputs.
    """
    parts = dict(shared)
    for name, value in params.items():
        parts[f"param:{name}"] = digest_json(value)
    for name, digests in inputs.items():
        parts[f"input:{name}"] = digests if isinstance(digests, str) else digest_json(digests)
    return StepKey(parts=parts, digest=digest_json({"format": FORMAT, "parts": parts}))


def explain_miss(parts: Mapping[str, str], last: Execution | None) -> str:
    """Say why a key was not in the cache, compared with the step's newest execution."""
    if last is None:
        return "it has never run"
    before = last.parts
    changed = [
        _describe(name)
        for name in sorted(parts.keys() & before.keys())
        if parts[name] != before[name]
    ]
    added = [f"{_describe(name)} (new)" for name in sorted(parts.keys() - before.keys())]
    removed = [f"{_describe(name)} (gone)" for name in sorted(before.keys() - parts.keys())]
    found = changed + added + removed
    if not found:
        return "its result is gone from the store"
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"changed: {', '.join(found[:_SHOWN])}{more}"


def _describe(part: str) -> str:
    kind, _, name = part.partition(":")
    return _WORDS.get(kind, part).format(name)
