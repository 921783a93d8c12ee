# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the demo: lab, site, files, and what a partner and an application see of them.

usage: python -m demo [--keep] [--no-host]

    --keep     leave the lab running at the end (`MFT_LAB_DIR=.lab-demo make lab-down` removes it)
    --no-host  read the share directly, even where an application host can run

Exit status: 0 only if every check held, 1 if one did not, 2 if the demo could not go on.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

from demo.hosts import NAME
from demo.hosts import ApplicationHost
from demo.partner import Partner
from demo.partner import fresh_key
from demo.partner import pin_host_keys
from demo.share import DirectReader
from demo.share import HostReader
from demo.share import Reader
from demo.share import file_sha256
from demo.share import wait_until
from demo.site import CHECKOUT
from demo.site import Lab
from demo.site import Site
from demo.timeline import DemoError
from demo.timeline import Timeline
from demo.timeline import die

STACK = "mft"
BIG_FILE_BYTES = 200_000_000
SMALL_FILES = 50
LANES = 5
# How long an event waits in the queue (the template's DeliveryDelaySeconds, 10 s by default): long enough for the
# workflow that takes truncated uploads away, short enough to watch.
DELIVERY_DELAY_SECONDS = 1
PATIENCE_SECONDS = 90
FREE_BYTES = 3_000_000_000


def csv(rows: int) -> str:
    lines = [f"{number};ACME-{number:05d};{number * 17 % 9973}.{number % 100:02d};EUR" for number in range(1, rows + 1)]
    return "id;order;amount;currency\n" + "\n".join(lines) + "\n"


@dataclass
class Demo:
    timeline: Timeline
    lab: Lab
    site: Site
    files: Path
    share: DirectReader = field(init=False)
    application: HostReader | None = field(init=False, default=None)

    def run(self, with_host: bool) -> None:
        show = self.timeline
        host = ApplicationHost.if_possible(self.lab, show) if with_host else None
        with show.step("lab up: a local AWS, its Transfer service and its SFTP endpoint"):
            self.lab.up()
        if host:
            with show.step("application host: a guest with its own kernel (its image is built once)"):
                host.build()
                host.start()
                self.site.application_hosts = host.inventory()
        acme_key = fresh_key(self.files / "acme_ed25519", "acme@partner")
        self.site.variables = {
            "gateway_parameters": {"DeliveryDelaySeconds": DELIVERY_DELAY_SECONDS},
            "transfer_users_roster": [{"name": "acme", "ssh_public_keys": [acme_key]}],
        }
        with show.step("ansible-playbook mft.aws.site: stack, user acme with a fresh key, mount"):
            show.note(self.site.play("mft.aws.site"))
        outputs = self.site.outputs(STACK)
        root = Path(self.lab.facts["efs_directory"]) / outputs["FileSystemId"] / outputs["AccessPointPath"].strip("/")
        self.share = DirectReader(root)
        self.application = host.reader() if host else None
        partner = self.meet_partner(outputs["ServerId"])
        self.first_files(partner)
        self.overwrite_and_delete(partner)
        self.latency(partner)
        self.take_key_away(partner)
        reader: Reader = self.application or self.share
        show.say(f"\nThe share, seen through {reader.description}:")
        show.note(self.without_small_files(reader.tree()))

    def meet_partner(self, server_id: str) -> Partner:
        show = self.timeline
        with show.step("partner acme: looks at the server's host keys"):
            address: list[tuple[str, int]] = []

            def listens() -> bool:
                try:
                    address.append(self.lab.sftp_address(server_id))
                except OSError:
                    return False
                return True

            if not wait_until(listens, 15):
                raise DemoError(f"the lab does not listen for server {server_id}; see {self.lab.directory}/logs")
            host, port = address[0]
            listed = self.lab.client("transfer").list_host_keys(ServerId=server_id)["HostKeys"]
            known_hosts = self.files / "known_hosts"
            kept = pin_host_keys(host, port, {key["Fingerprint"] for key in listed}, known_hosts)
            show.check(bool(kept), f"{len(kept)} host keys are those that the Transfer API lists")
        return Partner("acme", self.files / "acme_ed25519", host, port, known_hosts)

    def arrives(self, path: str, digest: str | None, what: str, closed_at: float) -> None:
        """Wait until the share holds a file of this digest (None: no file), then read it as the application does."""
        show = self.timeline
        if not self.share.shows(path, digest, PATIENCE_SECONDS):
            show.check(False, f"{what} (not within {PATIENCE_SECONDS} s)")
            return
        show.check(True, f"{what}, {max(0.0, time.time() - closed_at):.2f} s after the client had closed it")
        if self.application:
            looked = time.time()
            held = self.application.shows(path, digest, PATIENCE_SECONDS)
            show.check(held, f"{NAME} sees the same through its NFS mount (read in {time.time() - looked:.2f} s)")

    def first_files(self, partner: Partner) -> None:
        show = self.timeline
        small, big, odd = self.files / "orders.csv", self.files / "archive.bin", self.files / "invoice été (1).csv"
        small.write_text(csv(20))
        odd.write_text(csv(5))
        with big.open("wb") as file:
            for _ in range(BIG_FILE_BYTES // 1_000_000):
                file.write(secrets.token_bytes(1_000_000))
        for path, remote in ((small, "in/orders.csv"), (big, "in/archive.bin"), (odd, "in/invoice été (1).csv")):
            with show.step(f"sftp: put {path.name} ({path.stat().st_size:,} bytes)"):
                commands = [f'put "{path}" "{remote}"']
                if path is small:
                    commands.insert(0, "mkdir in")
                done = partner.sftp(*commands)
                if not show.check(done.status == 0, f"uploaded in {done.seconds:.2f} s"):
                    show.note(done.output)
                    continue
                if path is big:
                    show.note(f"{BIG_FILE_BYTES / 1e6 / done.seconds:.0f} MB/s, login included")
                self.arrives(f"acme/{remote}", file_sha256(path), "on the share, equal SHA-256", done.closed_at)

    def overwrite_and_delete(self, partner: Partner) -> None:
        show = self.timeline
        small = self.files / "orders.csv"
        small.write_text(csv(4_000))
        with show.step(f"sftp: put orders.csv again ({small.stat().st_size:,} bytes)"):
            done = partner.sftp(f'put "{small}" in/orders.csv')
            show.check(done.status == 0, "uploaded over the old one")
            self.arrives("acme/in/orders.csv", file_sha256(small), "the share followed", done.closed_at)
        with show.step("sftp: rm invoice été (1).csv"):
            done = partner.sftp('rm "in/invoice été (1).csv"')
            show.check(done.status == 0, "deleted")
            self.arrives(
                "acme/in/invoice été (1).csv", None, "gone from the share (DeleteMode: mirror)", done.closed_at
            )

    def latency(self, partner: Partner) -> None:
        """From the client's close to the file on the share, for small files, a few partners' worth at a time."""
        show = self.timeline
        with show.step(f"{SMALL_FILES} small files, {LANES} at a time: from the SFTP close to visible on the share"):
            with ThreadPoolExecutor(LANES) as lanes:
                delays = list(lanes.map(lambda number: self.one_delay(partner, number), range(SMALL_FILES)))
            arrived = [delay for delay in delays if delay is not None]
            show.check(len(arrived) == SMALL_FILES, f"{len(arrived)} of {SMALL_FILES} arrived, equal SHA-256")
            if arrived:
                show.note(
                    f"median {statistics.median(arrived):.2f} s, slowest {max(arrived):.2f} s "
                    f"(of which {DELIVERY_DELAY_SECONDS} s is the queue's delay)"
                )

    def one_delay(self, partner: Partner, number: int) -> float | None:
        path = self.files / f"small-{number:02d}.csv"
        path.write_text(csv(number + 1))
        done = partner.sftp(f'put "{path}" in/{path.name}')
        if done.status != 0 or not self.share.shows(f"acme/in/{path.name}", file_sha256(path), PATIENCE_SECONDS):
            return None
        return max(0.0, time.time() - done.closed_at)

    def take_key_away(self, partner: Partner) -> None:
        show = self.timeline
        self.site.variables["transfer_users_roster"] = [{"name": "acme", "ssh_public_keys": []}]
        with show.step("ansible-playbook mft.aws.users: acme's key is taken away"):
            show.note(self.site.play("mft.aws.users"))
            refused = partner.sftp("ls")
            show.check(refused.status != 0 and "Permission denied" in refused.output, "the key can no longer log in")

    @staticmethod
    def without_small_files(tree: str) -> str:
        lines = [line for line in tree.splitlines() if "small-" not in line]
        left_out = len(tree.splitlines()) - len(lines)
        return "\n".join(lines) + (f"\n(and {left_out} files small-….csv)" if left_out else "")


def before_anything(directory: Path) -> None:
    """What would make the demo fail half way is found before it begins."""
    for program in ("sftp", "ssh-keygen", "ssh-keyscan"):
        if shutil.which(program) is None:
            raise DemoError(f"no {program} on the PATH: install the Debian package openssh-client.")
    free = shutil.disk_usage(directory.parent).free
    if free < FREE_BYTES:
        raise DemoError(
            f"{free // 1_000_000} MB free in {directory.parent}; the demo needs {FREE_BYTES // 1_000_000} MB. "
            "Free some space, or set MFT_LAB_DIR to a directory on another disk."
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description="The whole site on a local AWS.")
    parser.add_argument("--keep", action="store_true", help="leave the lab running at the end")
    parser.add_argument("--no-host", action="store_true", help="read the share directly")
    arguments = parser.parse_args()
    directory = Path(os.environ.get("MFT_LAB_DIR") or CHECKOUT / ".lab-demo").absolute()
    lab = Lab(directory)
    timeline = Timeline()
    try:
        before_anything(directory)
        with tempfile.TemporaryDirectory(prefix="mft-demo-") as work:
            demo = Demo(timeline, lab, Site(Path(work), lab), Path(work))
            demo.run(with_host=not arguments.no_host)
    except DemoError as error:
        return die(str(error))
    finally:
        clean_up(lab, timeline, arguments.keep)
    return timeline.verdict()


def clean_up(lab: Lab, timeline: Timeline, keep: bool) -> None:
    if keep:
        timeline.say(f"\nThe lab stays up in {lab.directory}; `MFT_LAB_DIR={lab.directory} make lab-down` removes it.")
        return
    try:
        lab.down()
    except DemoError as error:
        print(f"warning: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
