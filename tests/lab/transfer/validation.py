# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests and responses against the model's shapes: types, required members, lengths, bounds, patterns, enums.

The texts are those that AWS's services write ("Value at 'sshPublicKeyBody' failed to satisfy constraint: Member must
satisfy regular expression pattern: …"); they name the member and the rule, never the value, which may be a secret.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import Any

from lab.transfer.errors import CONSTRAINT_VIOLATION
from lab.transfer.errors import TransferError

_JSON_NAMES = {bool: "TRUE_VALUE", int: "NUMBER_VALUE", float: "NUMBER_VALUE", str: "STRING_VALUE"}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "boolean": (bool,),
    "timestamp": (int, float, str),
    "blob": (str,),
    "list": (list, tuple),
    "structure": (dict,),
    "map": (dict,),
}


def check_request(shape: Any, parameters: dict[str, Any]) -> None:
    """Raise what AWS answers to a request that does not fit the shape."""
    violations = list(violations_of(shape, parameters))
    if violations:
        count = len(violations)
        noun = "error" if count == 1 else "errors"
        raise TransferError(CONSTRAINT_VIOLATION, f"{count} validation {noun} detected: {'; '.join(violations)}")


def check_response(shape: Any, response: dict[str, Any]) -> None:
    """Raise RuntimeError when our own answer would not fit the shape: a defect of the lab, never of its user."""
    # A list's upper bound is left out: the model says at most 5 SshPublicKeys, the service quota is higher.
    problems = [text for text in violations_of(shape, response) if "length less than or equal to" not in text]
    if problems:
        raise RuntimeError(f"response does not fit {shape.name}: {'; '.join(problems)}")


def violations_of(shape: Any, value: Any, path: str = "") -> Iterator[str]:
    """Yield each broken constraint of value; raise SerializationException where its JSON type is wrong."""
    _check_type(shape, value, path)
    if shape.type_name == "structure":
        yield from _structure(shape, value, path)
    elif shape.type_name == "list":
        yield from _bounds(shape, len(value), path, "length")
        for number, item in enumerate(value, start=1):
            yield from violations_of(shape.member, item, f"{path}.{number}.member")
    elif shape.type_name == "string":
        yield from _bounds(shape, len(value), path, "length")
        yield from _text(shape, value, path)
    elif shape.type_name in {"integer", "long"}:
        yield from _bounds(shape, value, path, "value")


def _check_type(shape: Any, value: Any, path: str) -> None:
    expected = _TYPES[shape.type_name]
    if isinstance(value, expected) and not (isinstance(value, bool) and bool not in expected):
        return
    found = _JSON_NAMES.get(type(value), "Start of structure or map" if isinstance(value, dict) else "Start of list")
    raise TransferError(
        "SerializationException", f"{found} found where {shape.type_name} was expected at '{path or 'request'}'"
    )


def _structure(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    # AWS ignores a member it does not know. The lab refuses it, so that a misspelt one is not silently without effect.
    for name in value:
        if name not in shape.members:
            known = ", ".join(shape.members)
            raise TransferError(
                "SerializationException", f"Unknown member '{_join(path, name)}' of {shape.name}; it has: {known}"
            )
    present = {name: item for name, item in value.items() if item is not None}
    for name in shape.required_members:
        if name not in present:
            yield _failed(_join(path, name), "Member must not be null")
    if shape.metadata.get("union") and len(present) != 1:
        yield _failed(path, "Member must have exactly one member set")
    for name, item in present.items():
        yield from violations_of(shape.members[name], item, _join(path, name))


def _text(shape: Any, value: str, path: str) -> Iterator[str]:
    pattern = shape.metadata.get("pattern")
    if pattern and not _compiled(pattern).fullmatch(value):
        yield _failed(path, f"Member must satisfy regular expression pattern: {pattern}")
    if shape.enum and value not in shape.enum:
        yield _failed(path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")


def _bounds(shape: Any, size: int, path: str, what: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield _failed(path, f"Member must have {what} greater than or equal to {least}")
    if most is not None and size > most:
        yield _failed(path, f"Member must have {what} less than or equal to {most}")


def _failed(path: str, constraint: str) -> str:
    return f"Value at '{path}' failed to satisfy constraint: {constraint}"


def _join(path: str, name: str) -> str:
    """Append a member to a path, with the lower first letter that AWS's texts use."""
    member = name[:1].lower() + name[1:]
    return f"{path}.{member}" if path else member


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of the model, which is written for Java: ASCII classes, and Unicode categories by name."""
    translated = pattern.replace(r"\P{M}\p{M}", r"\s\S").replace(r"\p{Print}", r"\x20-\x7e")
    # Java reads the hyphen in [\w- ] as itself, Python as a range.
    translated = translated.replace(r"\w-", r"\w\-")
    translated = re.sub(r"\\p\{([LZN])\}", lambda match: _category(match.group(1)), translated)
    return re.compile(translated, re.ASCII)


@lru_cache(maxsize=4)
def _category(initial: str) -> str:
    r"""Return the ranges of a Unicode category (L, Z or N) for use inside a character class; re knows no \p{…}."""
    # Planes 4 to 16 have no letters, separators or numbers.
    points = range(0x40000)
    groups = groupby(points, key=lambda point: unicodedata.category(chr(point))[0] == initial)
    ranges = [list(group) for inside, group in groups if inside]
    return "".join(f"\\U{group[0]:08x}-\\U{group[-1]:08x}" for group in ranges)
