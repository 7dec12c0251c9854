"""A world of trails whose owner manages an organization: real accounts, real invitations, real membership."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opentrail.identity import Identities
from opentrail.identity.organizations.service_names import CLOUDTRAIL
from opentrail.storage.outbox import Outbox
from opentrail.trails.control import Trails, Wanted
from opentrail.trails.neighbours import Neighbours
from simulators.trails import ACCOUNT as MANAGER
from simulators.trails import HOME, World


@dataclass
class OrganizationWorld(World):
    """`World` with `MANAGER`'s organization in it, which has all features and trusts CloudTrail."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.identities = Identities(self.database, self.folder / "secrets", self.clock, account_id=MANAGER, outbox=Outbox(self.database))
        self.organizations = self.identities.organizations
        self.trails = Trails(
            self.database,
            self.clock,
            buckets=self.buckets,
            regions=self.regions,
            head=self.journal.head,
            neighbours=Neighbours(organizations=self.organizations.asked),
        )
        self.organizations.accompanied_by(self.trails.organization)
        self.organization_id = self.organizations.create(MANAGER).id
        self.organizations.services.enable(MANAGER, CLOUDTRAIL)

    def member(self) -> str:
        """A new account of the organization."""
        number = len(self.identities.accounts.ids())
        made = self.organizations.accounts.create(MANAGER, email=f"a{number}@example.com", name=f"a{number}", tags={})
        assert made.account_id is not None
        return made.account_id

    def delegate(self) -> str:
        """A new account that administers CloudTrail."""
        account_id = self.member()
        self.organizations.services.register(MANAGER, account_id, CLOUDTRAIL)
        return account_id

    def leave(self, account_id: str) -> None:
        """The management account lets it go."""
        self.organizations.accounts.remove(MANAGER, account_id)

    def return_(self, account_id: str) -> None:
        """It is invited, and accepts."""
        invited = self.organizations.handshakes.invite(MANAGER, "ACCOUNT", account_id, notes=None, tagged={})
        self.organizations.handshakes.accept(account_id, invited.id)

    def organization_trail(self, name: str = "audit", *, by: str = MANAGER, start: bool = True, **settings: Any) -> str:
        """A new organization trail, logging; returns its ARN."""
        wanted = Wanted(**{"s3_bucket_name": "logs", "is_organization_trail": True, **settings})
        arn = self.trails.create(by, HOME, name, wanted, {}).arn
        if start:
            self.trails.start_logging(by, HOME, arn)
        return arn

    def located(self, bucket: str = "logs") -> dict[str, str]:
        """Event id → the folder of its log file, down to the account."""
        found: dict[str, str] = {}
        for key in self.buckets.log_files(bucket):
            for record in self.buckets.json(bucket, key)["Records"]:
                assert record["eventID"] not in found, "an event is in two files"
                found[record["eventID"]] = key.partition("/CloudTrail/")[0]
        return found
