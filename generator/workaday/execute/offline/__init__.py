"""The offline plan: real Terraform on a rendered root, with providers that serve pinned schemas and call nobody.

From the shell, on any root of aws, google or azurerm (and random, tls, time, null, local, cloudinit):

    python -m workaday.execute.offline ROOT            # the graded plan as a table
    python -m workaday.execute.offline ROOT --json     # `terraform show -json` of the plan, to test policies on
    python -m workaday.execute.offline ROOT --grades   # the grades as JSON
    python -m workaday.execute.offline ROOT --against OLD_ROOT   # what changes from one tree to another
    python -m workaday.execute.offline ROOT --var region=eu-west-1
    python -m workaday.execute.offline ROOT --exec terraform test   # any command, in a copy, with the providers served

From Python: `from workaday.execute.offline import plan`, then `plan(root).document`, `.changes`, `.counts`, `.values`.
"""

from __future__ import annotations

from workaday.execute.grading import Change
from workaday.execute.offline.grading import MARK, OfflinePlan
from workaday.execute.offline.planner import plan

__all__ = ["MARK", "Change", "OfflinePlan", "plan"]
