# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules for CloudFormation share; private to this collection.

api         one function per operation
template    reads templates, and what parameters, capabilities and tags have to be (no API)
conditions  conditions and rules of a template for given parameters (no API)
changes     what a change set would do, for a person and for a guard (no API)
events      what happened in an operation, and what failed first (no API)
change_set  one change set: made, judged, executed, taken away
stack       its protection, its deletion, and the way out of a rollback that failed
options     what is wrong with a module's options (no API)
drift       what differs from what the stack says
errors      the exceptions of all of these
"""
