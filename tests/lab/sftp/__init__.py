# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SFTP endpoint of the lab's Transfer servers: a real SSH server whose users and files are the lab's own AWS.

| module        | what it owns                                                        |
|---------------|---------------------------------------------------------------------|
| endpoint.py   | which servers exist, their ports, addresses and host keys           |
| algorithms.py | what a server's security policy lets a client negotiate             |
| session.py    | one SSH connection: login by public key, banner, SFTP channel       |
| filesystem.py | one SFTP channel: every SFTP operation in terms of S3               |
| homes.py      | a user's paths to buckets and keys                                  |
| upload.py     | a stream of writes to one S3 object                                 |
| reorder.py    | writes that arrive out of order                                     |
| download.py   | reads ahead of the client                                           |
| store.py      | S3 calls and what their errors mean to an SFTP client               |
| workflows.py  | what a Transfer server runs after an upload                         |
| activity.py   | the log a Transfer server writes                                    |
| admin.py      | what the Transfer service knows inside: host keys, users            |

Only algorithms.py, endpoint.py, session.py and filesystem.py need asyncssh.
"""
