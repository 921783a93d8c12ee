# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys under the served prefix are the replicator's business, told by the key alone.

A pattern is matched against the whole path under the prefix; a directory's path ends with its slash. ``*`` stands for
any characters, **slashes too**, ``?`` for any one, ``[abc]`` for one of these, ``[!abc]`` for one of no other; letters'
case counts. It is the language of ``aws s3 sync --exclude``, so ``*.tmp`` means every such file at any depth and
``acme/*`` everything below ``acme``. A comma separates patterns; ``?`` can stand for one in a name.

A key that is not admitted is left alone altogether: neither copied nor removed, whatever is at its path on the share
(rsync's rule for excluded files). So a pattern never deletes anything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import translate


class Filters:
    """No include pattern: everything is included. An exclude pattern always wins."""

    def __init__(self, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        self._included = _any_of(include)
        self._excluded = _any_of(exclude)

    def admit(self, path: str) -> bool:
        """Whether a path under the prefix is the replicator's business."""
        if self._included and not self._included.match(path):
            return False
        return not (self._excluded and self._excluded.match(path))


def _any_of(patterns: Sequence[str]) -> re.Pattern[str] | None:
    # fnmatch's expressions do not backtrack into what a star has taken, so no pattern makes a key take for ever.
    return re.compile("|".join(translate(pattern) for pattern in patterns)) if patterns else None
