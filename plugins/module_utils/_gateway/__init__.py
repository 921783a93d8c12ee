# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules for the gateway's surroundings share; private to this collection.

region   account, region and what is to be had there
buckets  emptying buckets in bulk
health   how the parts of a gateway are
backups  what AWS Backup keeps of a file system
errors   the exceptions of all of these
"""
