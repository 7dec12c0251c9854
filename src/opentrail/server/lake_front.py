"""The front's side of the Lake: stores, channels, imports, queries and dashboards, put together. Reads as a table of contents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from opentrail.api.cloudtrail import Subject
from opentrail.api.cloudtrail.channels import ChannelOperations
from opentrail.api.cloudtrail.event_data_stores import EventDataStoreOperations
from opentrail.api.cloudtrail.federation import FederationOperations
from opentrail.api.cloudtrail.imports import ImportOperations
from opentrail.api.cloudtrail.lake_needs import LakeNeeds
from opentrail.api.cloudtrail.lake_sharing import LakeSharing
from opentrail.api.cloudtrail.organization_access import OrganizationAccess
from opentrail.api.cloudtrail.resource_policies import ResourcePolicyOperations
from opentrail.api.cloudtrail_data import CloudTrailData
from opentrail.api.cloudtrail_data.intake import Intake
from opentrail.api.cloudtrail_data.recent import Load, RecentEvents
from opentrail.api.cloudtrail_data.webhooks import WebhookDoor
from opentrail.buckets import Buckets, ObjectKeys
from opentrail.clock import Clock
from opentrail.events.activity import CATEGORY as ACTIVITY
from opentrail.identity import Identities
from opentrail.identity.vault import Vault
from opentrail.journal import Journal
from opentrail.kms import KeyManagement
from opentrail.lake.channels.control import Channels
from opentrail.lake.channels.default import DefaultStores
from opentrail.lake.channels.known import KnownChannels
from opentrail.lake.channels.status import Statuses
from opentrail.lake.dashboards.aliases import QueryAliases
from opentrail.lake.dashboards.control import exists
from opentrail.lake.federation.control import Federations
from opentrail.lake.imports.control import Imports
from opentrail.lake.integrations.store import IntegrationStore
from opentrail.lake.names import Place
from opentrail.lake.neighbours import ResultBucket
from opentrail.lake.stores.carriers import Carrier, OwnedCarrier, StoreCarrier
from opentrail.lake.stores.control import EventDataStores, StoreNeighbours, Wanted
from opentrail.lake.stores.register import StoreRegister
from opentrail.lake.stores.resource_policies import ResourcePolicies
from opentrail.lake.stores.selection import StoreSelection
from opentrail.lake.stores.tags import LakeTags
from opentrail.link import Link
from opentrail.proxy import Upstreams
from opentrail.server.dashboards import operations
from opentrail.server.federation import RoleTrust
from opentrail.server.folder import DataFolder
from opentrail.server.import_sources import Sources
from opentrail.server.query_answers import answering
from opentrail.server.roles import Orders
from opentrail.server.store_keys import KeysOfStores
from opentrail.storage.database import Database
from opentrail.trails.regions import Regions


class LakeFront:
    """What the endpoint serves of the Lake; what takes long is asked of the role `lake`."""

    def __init__(
        self,
        orders: Orders,
        database: Database,
        clock: Clock,
        *,
        journal: Journal,
        identities: Identities,
        kms: KeyManagement,
        buckets: Buckets,
        bucket: ResultBucket,
        upstreams: Upstreams,
        regions: Regions,
        vault: Vault,
        check: Callable[..., Any],
        recent: Load,
    ) -> None:
        """`bucket` writes results wherever buckets are; `check` judges a need; `recent` reads back which audit events there are."""
        folder, settings = DataFolder(orders.data_dir), orders.settings

        def head() -> int:
            return journal.head

        register = StoreRegister(database, clock)
        channels = Channels(database, clock, stores=register, head=head, changed=lambda: self.known_channels.changed())
        sources = Sources(settings, upstreams, buckets, identities, clock, keys=ObjectKeys(kms.service_keys))
        imports = Imports(database, clock, stores=register, sources=sources)
        stores = EventDataStores(
            database,
            clock,
            partition=regions.partition,
            head=head,
            changed=self.changed,
            neighbours=StoreNeighbours(
                keys=KeysOfStores(kms.service_keys),
                organizations=identities.organizations.asked,
                has_channel=channels.deliver_to,
                has_ongoing_import=imports.has_ongoing_import,
            ),
        )
        identities.organizations.accompanied_by(stores.organization)
        self.selection = StoreSelection(register, clock)
        self.known_channels = KnownChannels(database, channels, clock, stores=DefaultStores(register, partial(_activity_store, stores)))
        self.statuses = Statuses(database, clock)
        carriers: list[Carrier] = [StoreCarrier(stores), OwnedCarrier("channel", channels.exists), OwnedCarrier("dashboard", exists)]
        tags, policies = LakeTags(database, carriers), ResourcePolicies(stores, carriers)
        needs = LakeNeeds(stores, tags, policies)
        self.sharing = LakeSharing(stores=stores, tags=tags, needs=needs, identities=identities, check=check)
        self.link = Link(Path(orders.lake_link))
        intake = Intake(RecentEvents(recent), self.statuses, clock)
        self.webhooks = WebhookDoor(IntegrationStore(database, vault), self.known_channels, intake, journal, clock)
        self.data = CloudTrailData(self.known_channels, intake)
        self.subjects: Sequence[Subject] = [
            EventDataStoreOperations(stores, needs, OrganizationAccess(identities, check)),
            ResourcePolicyOperations(policies, needs),
            ChannelOperations(channels, self.statuses),
            ImportOperations(imports, needs, stores.finding.place),
            FederationOperations(Federations(stores, RoleTrust(identities)), needs),
            answering(
                folder,
                database,
                stores=register,
                bucket=bucket,
                ask=self.link.ask,
                head=head,
                partition=regions.partition,
                aliases=QueryAliases(database),
            ),
            *operations(database, clock, stores=register, ask=self.link.ask, partition=regions.partition, settings=settings.lake),
        ]

    def changed(self) -> None:
        """A store, or what a store or channel carries, is different now."""
        self.selection.changed()
        self.known_channels.changed()


def _activity_store(stores: EventDataStores, place: Place, name: str) -> str:
    """Make the store of a default channel; returns its id. Raises as CreateEventDataStore does."""
    selector = {"Name": name, "FieldSelectors": [{"Field": "eventCategory", "Equals": [ACTIVITY]}]}
    wanted = Wanted(name=name, advanced_event_selectors=(selector,), multi_region_enabled=False)
    return stores.create(place.account_id, place.region, wanted, {}).id
