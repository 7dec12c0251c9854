"""Aliases: CreateAlias, UpdateAlias, DeleteAlias, ListAliases."""

from __future__ import annotations

from collections.abc import Mapping

from opentrail.api.call import Answer, Call, Result
from opentrail.api.kms import pages, shapes
from opentrail.api.kms.naming import Operation, key_of
from opentrail.kms import KeyManagement
from opentrail.kms.names import Reference
from opentrail.kms.values import Key


class AliasOperations:
    """One handler for each operation on aliases."""

    def __init__(self, kms: KeyManagement) -> None:
        self._kms = kms
        self.operations: Mapping[str, Operation] = {
            "CreateAlias": self.create_alias,
            "UpdateAlias": self.update_alias,
            "DeleteAlias": self.delete_alias,
            "ListAliases": self.list_aliases,
        }

    def create_alias(self, call: Call) -> Result:
        self._kms.aliases.create(call.parameters["AliasName"], key_of(self._kms, call, "TargetKeyId"))
        return _about(call)

    def update_alias(self, call: Call) -> Result:
        before = self._kms.keys.get(_alias(call))
        self._kms.aliases.move(call.parameters["AliasName"], before, key_of(self._kms, call, "TargetKeyId"))
        return _about(call)

    def delete_alias(self, call: Call) -> Result:
        key = self._kms.keys.get(_alias(call))
        self._kms.aliases.delete(call.account_id, call.region, call.parameters["AliasName"])
        return _about(call, key)

    def list_aliases(self, call: Call) -> Result:
        page = pages.asked(call, default=50, most=100)
        key = key_of(self._kms, call) if call.parameters.get("KeyId") is not None else None
        found = self._kms.aliases.list(call.account_id, call.region, key=key)
        return pages.whole("Aliases", found, page, shapes.alias, lambda alias: alias.name)


def _alias(call: Call) -> Reference:
    return Reference(account_id=call.account_id, region=call.region, alias=call.parameters["AliasName"])


def _about(call: Call, key: Key | None = None) -> Answer:
    """Nothing but, for the record, the alias; and the key where no parameter names it."""
    entries = [{"accountId": call.account_id, "type": "AWS::KMS::Alias", "ARN": _alias(call).arn}]
    if key is not None:
        entries.append({"accountId": key.account_id, "type": "AWS::KMS::Key", "ARN": key.arn})
    return Answer(recorded={"resources": entries})
