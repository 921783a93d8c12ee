# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules for AWS Transfer Family share; private to this collection.

Users and their keys
    ssh_keys           reads SSH public keys
    key_strength       what is wrong with the numbers of a public key (no API)
    key_dates          keys that are valid from one date to another (no API)
    fingerprints       reads SHA256 fingerprints (no API)
    users              what a user is, what is wanted, and the plan that leads from the one to the other (no API)
    options            module options to a wanted user, with everything wrong with them (no API)
    user_arguments     the options of a user and of a roster in argument specs
    converge           one user
    user_keys          what is wanted of one SSH key of a user, and the plan for it (no API)
    converge_user_key  one SSH key of a user
    roster             many users as one: what is wrong with them, and what changes (no API)
    converge_roster    the users of a server
    bulk               many calls at a time, within a rate
    homes              where users' files are in a bucket, and which homes are not there yet

Servers and their host keys
    host_key_bodies    reads private host keys
    host_keys          the host keys of a server, which of them clients meet, and the plan for one (no API)
    host_key_options   module options to a wanted host key, with everything wrong with them (no API)
    converge_host_key  one host key of a server
    servers            what a server is, what is wanted, and the plan that leads from the one to the other (no API)
    server_options     module options to a wanted server, with everything wrong with them (no API)
    server_arguments   the options of a server in an argument spec
    server_lookup      servers by id or by tags
    converge_server    one server, and waiting until it is started or stopped
    vpc_endpoints      what EC2 knows of servers' endpoints, and their security groups

All of them
    rounds             look, plan, act, look again
    api                one function per Transfer operation
    retries            which failures are worth another attempt, and when
    errors             the exceptions
"""
