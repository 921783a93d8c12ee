# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security policies, as documented."""

from __future__ import annotations

from typing import Any

from lab.transfer import TransferService
from unit.lab.transfer.support import Refused


def policy(service: TransferService, name: str) -> Any:
    return service.call("DescribeSecurityPolicy", {"SecurityPolicyName": name})["SecurityPolicy"]


def test_every_listed_policy_can_be_described(service: TransferService) -> None:
    names = service.call("ListSecurityPolicies", {})["SecurityPolicyNames"]
    assert {f"TransferSecurityPolicy-{part}" for part in ("2018-11", "2024-01", "2025-03", "FIPS-2025-03")} <= set(
        names
    )
    for name in names:
        shown = policy(service, name)
        assert shown["SecurityPolicyName"] == name
        assert shown["Fips"] is ("FIPS" in name)
        assert all(shown[member] for member in ("SshCiphers", "SshKexs", "SshMacs", "TlsCiphers"))


def test_the_newest_policy_word_for_word(service: TransferService) -> None:
    assert policy(service, "TransferSecurityPolicy-2025-03") == {
        "Fips": False,
        "SecurityPolicyName": "TransferSecurityPolicy-2025-03",
        "SshCiphers": ["aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes128-ctr", "aes256-ctr", "aes192-ctr"],
        "SshKexs": [
            "mlkem768x25519-sha256",
            "mlkem768nistp256-sha256",
            "mlkem1024nistp384-sha384",
            "ecdh-sha2-nistp256",
            "ecdh-sha2-nistp384",
            "ecdh-sha2-nistp521",
            "curve25519-sha256",
            "curve25519-sha256@libssh.org",
            "diffie-hellman-group16-sha512",
            "diffie-hellman-group18-sha512",
            "diffie-hellman-group-exchange-sha256",
        ],
        "SshMacs": ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"],
        "TlsCiphers": [
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
            "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
        ],
        "Type": "SERVER",
        "Protocols": ["SFTP", "FTPS"],
    }


def test_what_sets_the_old_policies_apart(service: TransferService) -> None:
    oldest = policy(service, "TransferSecurityPolicy-2018-11")
    assert "diffie-hellman-group14-sha1" in oldest["SshKexs"]
    assert "hmac-sha1" in oldest["SshMacs"]
    assert "TLS_RSA_WITH_AES_128_CBC_SHA256" in oldest["TlsCiphers"]
    restricted = policy(service, "TransferSecurityPolicy-Restricted-2018-11")
    assert set(oldest["SshCiphers"]) - set(restricted["SshCiphers"]) == {"chacha20-poly1305@openssh.com"}
    assert restricted["SshKexs"] == oldest["SshKexs"]
    assert not any("curve25519" in kex for kex in policy(service, "TransferSecurityPolicy-FIPS-2024-01")["SshKexs"])


def test_an_unknown_policy(refused: Refused) -> None:
    refused("ResourceNotFoundException", "DescribeSecurityPolicy", SecurityPolicyName="TransferSecurityPolicy-2099-01")
