"""Organizations: accounts in a tree, the policies above them, and whom they trust.

`Organizations` (in `organizations.py`) is the one name to use; its subjects (`accounts`, `units`, `policies`, `handshakes`, `services`,
`tags`, `resource_policies`) hold the operations. Every change is one transaction that takes the write lock first, so concurrent changes
come out in one order, and each checks what it relies on inside that transaction.
"""

from opentrail.identity.organizations.asked import Membership
from opentrail.identity.organizations.organizations import Organizations
from opentrail.identity.organizations.place import Place

__all__ = ["Membership", "Organizations", "Place"]
