"""ARNs of buses, rules, connections and API destinations. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from opentrail.rules.values import DEFAULT_BUS

_BUS: Final = re.compile(r"arn:(aws[\w-]*):events:([a-z]+-[a-z]+-[\w-]+):([0-9]{12}):event-bus/([/.\-_A-Za-z0-9]{1,256})")
_RULE: Final = re.compile(r"arn:(aws[\w-]*):events:([a-z0-9-]+):([0-9]{12}):rule/(?:([/.\-_A-Za-z0-9]{1,256})/)?([.\-_A-Za-z0-9]{1,64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class BusName:
    """A bus, by what its ARN tells."""

    region: str
    account_id: str
    name: str = DEFAULT_BUS

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:events:{self.region}:{self.account_id}:event-bus/{self.name}"

    def rule_arn(self, rule: str) -> str:
        """ARN of the rule of this name on the bus."""
        path = rule if self.name == DEFAULT_BUS else f"{self.name}/{rule}"
        return f"arn:{partition(self.region)}:events:{self.region}:{self.account_id}:rule/{path}"


def partition(region: str) -> str:
    """The partition in which a Region lies."""
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"


def unique_arn(kind: str, account_id: str, region: str, name: str, unique: UUID) -> str:
    """ARN of a connection or an API destination; one that is made anew under its name has another."""
    return f"arn:{partition(region)}:events:{region}:{account_id}:{kind}/{name}/{unique}"


def bus_of(arn: str) -> BusName | None:
    """The bus that an ARN names; `None` when it is no ARN of a bus."""
    found = _BUS.fullmatch(arn)
    return None if found is None else BusName(region=found[2], account_id=found[3], name=found[4])


def rule_of(arn: str) -> tuple[BusName, str] | None:
    """Bus and name of the rule that an ARN names; `None` when it is no ARN of a rule."""
    found = _RULE.fullmatch(arn)
    if found is None:
        return None
    return BusName(region=found[2], account_id=found[3], name=found[4] or DEFAULT_BUS), found[5]
