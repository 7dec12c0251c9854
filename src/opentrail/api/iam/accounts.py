"""The account itself: alias and summary."""

from __future__ import annotations

from collections.abc import Mapping

from opentrail.api.call import Call, Result
from opentrail.api.iam import paging
from opentrail.api.iam.caller import Operation
from opentrail.identity import Identities


def list_account_aliases(identities: Identities, call: Call) -> Result:
    """ListAccountAliases: none or one."""
    alias = identities.accounts.alias(call.account_id)
    return paging.paged(call, "AccountAliases", [] if alias is None else [alias], str)


def create_account_alias(identities: Identities, call: Call) -> None:
    """CreateAccountAlias"""
    identities.accounts.set_alias(call.account_id, call.parameters["AccountAlias"])


def delete_account_alias(identities: Identities, call: Call) -> None:
    """DeleteAccountAlias"""
    identities.accounts.drop_alias(call.account_id, call.parameters["AccountAlias"])


def get_account_summary(identities: Identities, call: Call) -> Result:
    """GetAccountSummary"""
    return {"SummaryMap": identities.accounts.summary(call.account_id)}


OPERATIONS: Mapping[str, Operation] = {
    "ListAccountAliases": list_account_aliases,
    "CreateAccountAlias": create_account_alias,
    "DeleteAccountAlias": delete_account_alias,
    "GetAccountSummary": get_account_summary,
}
