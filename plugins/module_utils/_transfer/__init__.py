# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules for AWS Transfer Family share; private to this collection.

ssh_keys   reads SSH public keys
users      what a user is, what is wanted, and the plan that leads from the one to the other (no API)
options    module options to a wanted user, with everything wrong with them (no API)
retries    which failures are worth another attempt, and when
api        one function per Transfer operation
converge   look, plan, act, look again
errors     the exceptions of all of these
"""
