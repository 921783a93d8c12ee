# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Public keys and users of the tests; types, bits and fingerprints are those that ``ssh-keygen -l`` gave."""

from __future__ import annotations

from typing import NamedTuple


class Example(NamedTuple):
    type: str
    bits: int
    blob: str
    fingerprint: str

    @property
    def line(self) -> str:
        return f"{self.type} {self.blob} ops@acme.example"


ED25519 = Example(
    "ssh-ed25519",
    256,
    "AAAAC3NzaC1lZDI1NTE5AAAAINKxaQZDTEj0b0+GgVAuyuIPlEkqfP6JfipnK2Oyy/Sl",
    "SHA256:1T1kE/CzerB10dImnhuPWM3R7L6y6XJgZJAnmxX/v0U",
)
ED25519_NEW = Example(
    "ssh-ed25519",
    256,
    "AAAAC3NzaC1lZDI1NTE5AAAAIB5lMMIbvGgv2de+4qMUB5+yIG5M436Mz/U9x2A/r56N",
    "SHA256:z11/nz7HbQXUGNX/tYqW8xzIIYmo8AKU0dn4I7nuvvc",
)
ED25519_ORDERS = Example(
    "ssh-ed25519",
    256,
    "AAAAC3NzaC1lZDI1NTE5AAAAIHG9MHuNJ+uBOY3Scu0rTcLdYBBJ5ZRG1LAW/Wf1v+WM",
    "SHA256:VLnaBstT8vzc+OA+uikNpXTxMzi7MzfMBxEKyf3XxMc",
)
ECDSA_256 = Example(
    "ecdsa-sha2-nistp256",
    256,
    (
        "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBN0rh9zN4M0MW+lUi7KJdQc3B6mnIfdA99eKRu"
        "HTIDHwyv5Nn3b13JTFllexZDvuU4po7qinULPebE4G94pVXHc="
    ),
    "SHA256:nKbhWLMB67+mwrUeQjfvZmsLaiT8ZtneIlrchCbhzdc",
)
ECDSA_384 = Example(
    "ecdsa-sha2-nistp384",
    384,
    (
        "AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBFksRkHt2GDTQEyvTLAouNYYS20DBy0W1M2Y9s"
        "cqtXlvSRV0VRNC+8170Fx49mVcEf0tOuwh16MF19joQWTQivO//N/TeG+M6TKOIxwcgGyXKitX0GJDnYVpsDgTHAWC"
        "vw=="
    ),
    "SHA256:p81d9cH714m/8oDB/O3Y6kS10ffGvsoAOEjlKmcDbw8",
)
ECDSA_521 = Example(
    "ecdsa-sha2-nistp521",
    521,
    (
        "AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBACuQZ8lKKX4+gK1bRd5jVwkP5Zy5e5aXblt2H"
        "b96ZROtk+9mSmz0uR4n2X5qz6LnyWW9HRmLOSzBfRhNculPb/aKABe9kdQogJaHpdC51romhndr+CmXNtwSRy+eyZn"
        "JHhb+C6/me1XEstFnLo3YBDzj54BRFLHQ/qRBSr0HcyypY/Vrg=="
    ),
    "SHA256:8rpiLhJPTsc97B0Gv+zf7QhjGoNWu099dD8YjSb97y4",
)
RSA_2048 = Example(
    "ssh-rsa",
    2048,
    (
        "AAAAB3NzaC1yc2EAAAADAQABAAABAQChaYsH64tF3hiWS+M4w6/XPQRcM6mMZy63z3wWJ/ISlLAeUj85sBa9z+DWiB"
        "5qRPbL0/FFCkqhkNxivQBJ6mMFXIgFusHaKN37wenJUvKueqDPGExikLTJlMgVRQ1u/zxSybMVPgOHoYEAfbIeiVyq"
        "jNGd7N0xVddkvC7Yk5Na5rPozjtQ8+NWOrAkpjqTp9+2W+uCjoD94Jj8OirlCRyz51TCxUQGHqAfzLnvuuyCVAfeEK"
        "rlZWYgUT+bhnzQnlP88TK8mGHX6da1WL6A6HMS2JaPPeluv6MuvVbG+cHi1nZ7nZ7BHrSxKlDy7+d6LWSFZRWTrPL5"
        "iQebr7fZ8iRp"
    ),
    "SHA256:R3vcasLRZI+3+XQe7syjpqeRcXM03Iqvr2tpDDY8e4o",
)
RSA_1024 = Example(
    "ssh-rsa",
    1024,
    (
        "AAAAB3NzaC1yc2EAAAADAQABAAAAgQDCSS9adoQpnj08wVVHgYFJwpE7RNmPkNfAtVSZa0/hZBXuaYcI0++d6nV7Ze"
        "BUJbblb9h0J46VqFf4DhM3KPkRYCNxTEq4yvr1VzvIgHjelXo5ckEX2RcB8Nv57vyALruUSlRQ8Y9HgLnJQzCkPtxm"
        "JK9oPisjZWa+UvPNdjmEXQ=="
    ),
    "SHA256:rsQaT2kKohbTZ4yKLEtxOLnRBGUTjI00CEFbxaTB7vQ",
)
DSA = Example(
    "ssh-dss",
    1024,
    (
        "AAAAB3NzaC1kc3MAAACBAIeC7qg3lexESfL3yB3FJNoUiIREzWNhqrrVpNJAMdtA7BILkTFbobg0J+WZueVnea2v0j"
        "USXYe/1UE7Q3LZu9wP9Iymx3T4oHwXQOEoleZjhLkd4qt8Z+XeVc0Sb9/UbY+XRDRod9dQZq40sPcCOYe8uloUSIEd"
        "UbmTHCK1vcfpAAAAFQD6AeOvG17zyrLHSxym9Mox8KNVHwAAAIBlvczh9b71N2YWU4e9Ptv32SBimlemzYNmQJkCmz"
        "ZFiNEJECV9AAoH1KAYg7PdgY9ugMzQ0R98x5wcEalUwsubApsuqo0kGQ6NyHg4l/OZ0lXTqjLb7WcinMY8/rYx7LMz"
        "tJPy0/ls5H0HUMcHP3ahlEnjmwHger86yr/MJho34AAAAIAypixS7vfSWz70l+zObGnrmqxzmB+f+Rx2cp5m2OcHLB"
        "UcHYoN5eQxQDBl+JWDgTwd1eDXVkRf3eI+djYCAyaueLfXC5aO542nyVP1xVpTgFKdQKfWKpN+YJChvnfUx0oNGK9Z"
        "dYPoPjObSTxvRqPO6JubtqRiRGK2tvAehd3sUg=="
    ),
    "SHA256:bZUUp0gehDQSNeImamGrS3yDWohSLvHJ75p1kzFpXks",
)

ACCEPTED = (ED25519, ED25519_NEW, ED25519_ORDERS, ECDSA_256, ECDSA_384, ECDSA_521, RSA_2048)

ROLE = "arn:aws:iam::123456789012:role/sftp-users"
SERVER = "s-0123456789abcdef0"
