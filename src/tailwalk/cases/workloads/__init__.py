# SPDX-License-Identifier: GPL-2.0-or-later
"""The workloads: one a file, which is named like it and declares it as WORKLOAD."""
