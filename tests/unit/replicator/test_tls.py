# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client over TLS, as it talks to AWS: whole bodies, silence, and servers that are not who they should be."""

from __future__ import annotations

import datetime
import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from replicator.deadline import Deadline
from replicator.errors import TransientError
from replicator.s3client import create_client
from replicator.store import Patience
from replicator.store import S3Store
from unit.replicator.scripted import Answer
from unit.replicator.scripted import ScriptedServer
from unit.replicator.scripted import a_part
from unit.replicator.scripted import an_object

CONTENT = os.urandom(300_000)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """What a server for "localhost" needs, and the certificate to trust it by."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    directory = tmp_path_factory.mktemp("authority")
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "ca.pem").write_bytes(pem)
    (directory / "server.pem").write_bytes(encoded + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem")
    return context, directory / "ca.pem"


@pytest.fixture
def servers() -> Iterator[list[ScriptedServer]]:
    started: list[ScriptedServer] = []
    yield started
    for server in started:
        server.close()


def store_at(host: str, server: ScriptedServer, **more: str) -> S3Store:
    environment = {
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": f"https://{host}:{server.port}",
        "AWS_ACCESS_KEY_ID": "AKID",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    client = create_client(environment | more, "acme")
    return S3Store(client, Deadline(60), lambda: None, patience=Patience(seconds=1.5, attempts=2, backoff=0.001))


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "AWS_CA_BUNDLE"])
def test_whole_bodies_and_silence(
    authority: tuple[ssl.SSLContext, Path],
    servers: list[ScriptedServer],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    context, trusted = authority
    if variable == "SSL_CERT_FILE":
        monkeypatch.setenv(variable, str(trusted))
    first = an_object(CONTENT)[:100_000]
    arrived = len(first) - first.index(b"\r\n\r\n") - 4
    server = ScriptedServer([an_object(CONTENT), Answer(first, silence=4), a_part(CONTENT, arrived)], context)
    servers.append(server)
    store = store_at("localhost", server, **{variable: str(trusted)})
    for _ in range(2):
        stream = store.open("a")
        assert stream
        buffer, found = memoryview(bytearray(64 * 1024)), bytearray()
        while count := stream.readinto(buffer):
            found += buffer[:count]
        assert bytes(found) == CONTENT
    assert (len(server.requests), server.connections) == (3, 2)


@pytest.mark.parametrize(("host", "trust"), [("localhost", False), ("127.0.0.1", True)])
def test_a_server_that_cannot_prove_its_name_is_told_nothing(
    authority: tuple[ssl.SSLContext, Path],
    servers: list[ScriptedServer],
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    trust: bool,
) -> None:
    context, trusted = authority
    if trust:
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    server = ScriptedServer([an_object(CONTENT)] * 4, context)
    servers.append(server)
    with pytest.raises(TransientError, match="CERTIFICATE_VERIFY_FAILED"):
        store_at(host, server).open("a")
    assert server.requests == []
