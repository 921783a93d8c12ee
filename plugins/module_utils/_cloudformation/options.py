# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the change set module: everything that is wrong with them (no API)."""

from __future__ import annotations

import re
import typing
from typing import Any

from .conditions import rule_problems
from .template import capability_problems
from .template import parameter_problems
from .template import read_template
from .template import tag_problems

if typing.TYPE_CHECKING:
    from collections.abc import Mapping

# Both names: API model cloudformation/2010-05-15, StackNameOrId and ChangeSetName.
_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")


def option_problems(options: Mapping[str, Any], parameters: Mapping[str, str], tags: Mapping[str, str]) -> list[str]:
    problems = [
        f"{option} is {options[option]!r}: it has to begin with a letter and hold letters, digits and hyphens, "
        "128 at most. Choose another."
        for option in ("stack_name", "change_set_name")
        if not _NAME.fullmatch(options[option])
    ]
    problems += tag_problems(tags)
    strangers = sorted(set(options["replaceable"]) - set(options["protected"]))
    if strangers:
        problems.append(f"replaceable names {', '.join(strangers)}, which protected does not name.")
    if options["template_body"]:
        template = read_template(options["template_body"])
        wrong = parameter_problems(template, parameters)
        # Rules speak of parameters, which have to be right by themselves first.
        problems += wrong or rule_problems(template, parameters)
        problems += capability_problems(template, options["capabilities"])
    return problems
