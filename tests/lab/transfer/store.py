# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service's state: one SQLite file, so that a killed and restarted lab finds what it had."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

_VERSION = 1

_SCHEMA = """
CREATE TABLE properties (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE servers (server_id TEXT PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE users (
    server_id TEXT NOT NULL REFERENCES servers ON DELETE CASCADE,
    user_name TEXT NOT NULL,
    created REAL NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (server_id, user_name)
);
CREATE TABLE ssh_keys (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    key_id TEXT NOT NULL UNIQUE,
    server_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    body TEXT NOT NULL,
    material TEXT NOT NULL,
    imported REAL NOT NULL,
    UNIQUE (server_id, user_name, material),
    FOREIGN KEY (server_id, user_name) REFERENCES users ON DELETE CASCADE
);
CREATE TABLE host_keys (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    key_id TEXT NOT NULL UNIQUE,
    server_id TEXT NOT NULL REFERENCES servers ON DELETE CASCADE,
    private_key TEXT NOT NULL,
    type TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    description TEXT NOT NULL,
    imported REAL NOT NULL,
    UNIQUE (server_id, fingerprint)
);
CREATE TABLE workflows (workflow_id TEXT PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE step_states (token TEXT PRIMARY KEY, status TEXT NOT NULL);
CREATE TABLE tags (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    arn TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (arn, key)
);
"""


def select(db: sqlite3.Connection, query: str, parameters: Sequence[object]) -> list[sqlite3.Row]:
    rows: list[sqlite3.Row] = db.execute(query, tuple(parameters)).fetchall()
    return rows


class Store:
    """One connection, used by one thread at a time; each call of the service is one transaction."""

    def __init__(self, database: Path) -> None:
        database.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        # The file holds private host keys.
        database.touch(mode=0o600, exist_ok=True)
        self._connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._prepare(database)

    def _prepare(self, database: Path) -> None:
        with self.transaction() as db:
            version: int = db.execute("PRAGMA user_version").fetchone()[0]
            if version == _VERSION:
                return
            if version:
                raise RuntimeError(
                    f"{database} is of layout {version}, this lab writes {_VERSION}: take the lab down and up again"
                )
            for statement in _SCHEMA.split(";"):
                db.execute(statement)
            db.execute("INSERT INTO properties VALUES ('token_key', ?)", (secrets.token_hex(16),))
            db.execute(f"PRAGMA user_version = {_VERSION}")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock, begin, and commit; roll everything back if the block raises."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        with self._lock:
            self._connection.close()
