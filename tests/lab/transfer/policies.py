# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security policies, as the user guide's page "Security policies for AWS Transfer Family servers" lists them.

Left out: the deprecated post-quantum experiments of 2023, and the policies of SFTP connectors. The AS2 members that
the page shows (ContentEncryptionCiphers, HashAlgorithms) are not in the API model and so not answered.
"""

from __future__ import annotations

from typing import Any

from lab.transfer.context import Context
from lab.transfer.context import Document
from lab.transfer.context import Operation
from lab.transfer.context import Parameters
from lab.transfer.errors import not_found
from lab.transfer.pagination import paginate

# "TransferSecurityPolicy-2024-01 is the default security policy attached to your server when creating a server using
# the console, API, or CLI. If you create a Transfer Family server using CloudFormation and accept the default security
# policy, the server is assigned TransferSecurityPolicy-2018-11." (Security policies for AWS Transfer Family servers)
DEFAULT_SECURITY_POLICY = "TransferSecurityPolicy-2024-01"
DEFAULT_SECURITY_POLICY_OF_CLOUDFORMATION = "TransferSecurityPolicy-2018-11"

_GCM128, _GCM256 = "aes128-gcm@openssh.com", "aes256-gcm@openssh.com"
_CTR = ("aes128-ctr", "aes192-ctr", "aes256-ctr")
_CHACHA = "chacha20-poly1305@openssh.com"
_CURVE25519 = ("curve25519-sha256", "curve25519-sha256@libssh.org")
_ECDH = ("ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521")
_MLKEM = ("mlkem768x25519-sha256", "mlkem768nistp256-sha256", "mlkem1024nistp384-sha384")
_DH14_SHA1, _DH14 = "diffie-hellman-group14-sha1", "diffie-hellman-group14-sha256"
_DH16, _DH18 = "diffie-hellman-group16-sha512", "diffie-hellman-group18-sha512"
_DH_EXCHANGE = "diffie-hellman-group-exchange-sha256"
_ETM256, _ETM512 = "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"
_SHA256, _SHA512 = "hmac-sha2-256", "hmac-sha2-512"
_TLS = tuple(
    f"TLS_ECDHE_{key}_WITH_AES_{cipher}"
    for cipher in ("128_GCM_SHA256", "128_CBC_SHA256", "256_GCM_SHA384", "256_CBC_SHA384")
    for key in ("ECDSA", "RSA")
)
_TLS_2018 = (*_TLS, "TLS_RSA_WITH_AES_128_CBC_SHA256", "TLS_RSA_WITH_AES_256_CBC_SHA256")

_CIPHERS_2020 = (*_CTR, _GCM128, _GCM256)
_CIPHERS_2022 = (_GCM256, _GCM128, "aes256-ctr", "aes192-ctr")
_CIPHERS_2024 = (_GCM128, _GCM256, "aes128-ctr", "aes256-ctr", "aes192-ctr")
_CIPHERS_2025 = (_GCM256, _GCM128, "aes128-ctr", "aes256-ctr", "aes192-ctr")
_KEXS_2018 = (*_CURVE25519, *_ECDH, _DH_EXCHANGE, _DH16, _DH18, _DH14, _DH14_SHA1)
_KEXS_2020 = (*_ECDH, _DH_EXCHANGE, _DH16, _DH18, _DH14)
_KEXS_2022 = (*_CURVE25519, _DH16, _DH18, _DH_EXCHANGE)
_KEXS_2024 = (*_ECDH, *_CURVE25519, _DH18, _DH16, _DH_EXCHANGE)
_KEXS_FIPS_2024 = (*_ECDH, _DH18, _DH16, _DH_EXCHANGE)
_KEXS_2025 = (*_MLKEM, *_ECDH, *_CURVE25519, _DH16, _DH18, _DH_EXCHANGE)
_MACS_2018 = (
    "umac-64-etm@openssh.com",
    "umac-128-etm@openssh.com",
    _ETM256,
    _ETM512,
    "hmac-sha1-etm@openssh.com",
    "umac-64@openssh.com",
    "umac-128@openssh.com",
    _SHA256,
    _SHA512,
    "hmac-sha1",
)
_MACS_2020 = ("umac-128-etm@openssh.com", _ETM256, _ETM512, "umac-128@openssh.com", _SHA256, _SHA512)


def _policy(
    name: str,
    ciphers: tuple[str, ...],
    kexs: tuple[str, ...],
    macs: tuple[str, ...] = (_ETM256, _ETM512),
    tls: tuple[str, ...] = _TLS,
) -> Document:
    return {
        "Fips": name.startswith("FIPS-"),
        "SecurityPolicyName": f"TransferSecurityPolicy-{name}",
        "SshCiphers": list(ciphers),
        "SshKexs": list(kexs),
        "SshMacs": list(macs),
        "TlsCiphers": list(tls),
        "Type": "SERVER",
        "Protocols": ["SFTP", "FTPS"],
    }


_FIPS_MACS_2020 = (_ETM256, _ETM512, _SHA256, _SHA512)
_MACS_2022 = (_ETM512, _ETM256, _SHA512, _SHA256)

SERVER_POLICIES: dict[str, Document] = {
    policy["SecurityPolicyName"]: policy
    for policy in (
        _policy("2018-11", (_CHACHA, *_CIPHERS_2020), _KEXS_2018, _MACS_2018, _TLS_2018),
        _policy("2020-06", (_CHACHA, *_CIPHERS_2020), _KEXS_2020, _MACS_2020),
        _policy("2022-03", _CIPHERS_2022, _KEXS_2022, _MACS_2022),
        _policy("2023-05", _CIPHERS_2022, _KEXS_2022, (_ETM512, _ETM256)),
        _policy("2024-01", _CIPHERS_2024, _KEXS_2024),
        _policy("2025-03", _CIPHERS_2025, _KEXS_2025),
        _policy("AS2Restricted-2025-07", _CIPHERS_2025, _KEXS_2025),
        _policy("FIPS-2020-06", _CIPHERS_2020, _KEXS_2020, _FIPS_MACS_2020),
        _policy("FIPS-2023-05", _CIPHERS_2022, (_DH16, _DH18, _DH_EXCHANGE)),
        _policy("FIPS-2024-01", _CIPHERS_2024, _KEXS_FIPS_2024),
        _policy("FIPS-2024-05", _CIPHERS_2024, _KEXS_FIPS_2024),
        _policy(
            "FIPS-2025-03",
            (_GCM256, _GCM128, "aes256-ctr", "aes192-ctr", "aes128-ctr"),
            (*_MLKEM, *_ECDH, _DH_EXCHANGE, _DH16, _DH18),
            (_ETM512, _ETM256),
        ),
        _policy("Restricted-2018-11", _CIPHERS_2020, _KEXS_2018, _MACS_2018, _TLS_2018),
        _policy("Restricted-2020-06", _CIPHERS_2020, _KEXS_2020, _MACS_2020),
        _policy("SshAuditCompliant-2025-02", _CIPHERS_2024, (*_CURVE25519, _DH18, _DH16, _DH_EXCHANGE)),
    )
}


def describe_security_policy(_ctx: Context, parameters: Parameters) -> Document:
    name = parameters["SecurityPolicyName"]
    if name not in SERVER_POLICIES:
        raise not_found("SecurityPolicy", name, "Unknown security policy")
    return {"SecurityPolicy": SERVER_POLICIES[name]}


def list_security_policies(ctx: Context, parameters: Parameters) -> Document:
    def fetch(after: Any, limit: int) -> list[str]:
        return [name for name in sorted(SERVER_POLICIES) if name > (after or "")][:limit]

    names, more = paginate(ctx, parameters, scope="security policies", fetch=fetch, key=str)
    return {"SecurityPolicyNames": names, **more}


OPERATIONS: dict[str, Operation] = {
    "DescribeSecurityPolicy": describe_security_policy,
    "ListSecurityPolicies": list_security_policies,
}
