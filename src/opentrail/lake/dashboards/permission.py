"""Whether CloudTrail may do something for a dashboard: refresh it by the clock, ask a store for it (reference of Lake, §4). Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from opentrail.identity.policies import PolicyRequest, PolicySet, evaluate, parsed, request_context
from opentrail.identity.principals import service_principal

REFRESH: Final = "cloudtrail:StartDashboardRefresh"
QUERY: Final = "cloudtrail:StartQuery"


def allows(policy: str | None, action: str, *, resource: str, account_id: str, dashboard_arn: str, region: str, now: datetime) -> bool:
    """Whether the resource policy `policy` of `resource` lets CloudTrail do `action` on behalf of the dashboard; without one, no."""
    if policy is None:
        return False
    context = request_context(source_ip="", secure=True, time=now, region=region)
    del context["aws:SourceIp"]
    context["aws:SourceArn"] = (dashboard_arn,)
    context["aws:SourceAccount"] = (dashboard_arn.split(":")[4],)
    request = PolicyRequest(
        principal=service_principal("cloudtrail.amazonaws.com"),
        action=action,
        resource=resource,
        context=context,
        resource_account_id=account_id,
    )
    return evaluate(request, PolicySet(), parsed(policy)).allowed
