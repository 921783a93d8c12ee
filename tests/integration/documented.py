# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module documents, held against what it does."""

from __future__ import annotations

from typing import Any

import yaml

from integration.support import CHECKOUT


def documentation(module: str, block: str) -> Any:
    """DOCUMENTATION, EXAMPLES or RETURN of a module."""
    text = (CHECKOUT / "plugins" / "modules" / f"{module}.py").read_text()
    return yaml.safe_load(text.split(f'{block} = r"""\n')[1].split('\n"""')[0])


def shape(value: Any) -> Any:
    """The keys and types of a value, so that a sample can be held against what is returned."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def assert_returned(documented: dict[str, Any], returned: dict[str, Any]) -> None:
    """Each documented key is returned and each returned one documented, of the type and shape of its sample."""
    assert set(returned) == set(documented)
    for key, entry in documented.items():
        assert type(returned[key]).__name__.startswith(entry["type"]), key
        if "contains" in entry:
            inner = returned[key] if isinstance(returned[key], list) else [returned[key]]
            assert inner, f"{key} is empty: nothing is shown by it"
            for item in inner:
                assert_returned(entry["contains"], item)
        else:
            assert shape(returned[key]) == shape(entry["sample"]), key
