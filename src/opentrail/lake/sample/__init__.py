"""Sample log files: a few days of believable events of an organization, with an incident in them.

Everything is invented: account ids, names and addresses are those of documentation. The same plan writes the same bytes, any amount.
"""

from opentrail.lake.sample.files import MANIFEST, Summary, write
from opentrail.lake.sample.plan import BadPlan, Plan

__all__ = ["MANIFEST", "BadPlan", "Plan", "Summary", "write"]
