"""Trails of whole organizations: who may do what, where they are seen, which accounts they serve and since when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.identity.organizations.service_names import CLOUDTRAIL
from opentrail.trails.control import Wanted
from opentrail.trails.selection import Selection
from opentrail.wire.faults import Fault
from simulators.organization import MANAGER, OrganizationWorld
from simulators.proof import ours
from simulators.trails import HOME

AUDIT = f"arn:aws:cloudtrail:us-east-1:{MANAGER}:trail/audit"
OBJECTS = [{"ReadWriteType": "All", "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[OrganizationWorld]:
    made = OrganizationWorld(tmp_path)
    yield made
    made.close()


def code_of(call: Callable[[], object]) -> str:
    try:
        call()
    except Fault as fault:
        return fault.code
    return "yes"


ACTIONS: dict[str, Callable[[OrganizationWorld, str, str], object]] = {
    "create": lambda world, who, _: world.organization_trail("second", by=who, start=False),
    "update": lambda world, who, arn: world.trails.update(who, HOME, arn, Wanted(enable_log_file_validation=True)),
    "rename the bucket": lambda world, who, arn: world.trails.update(who, HOME, arn, Wanted(s3_bucket_name="other")),
    "make ordinary": lambda world, who, arn: world.trails.update(who, HOME, arn, Wanted(is_organization_trail=False)),
    "start": lambda world, who, arn: world.trails.start_logging(who, HOME, arn),
    "stop": lambda world, who, arn: world.trails.stop_logging(who, HOME, arn, "request"),
    "put selectors": lambda world, who, arn: world.trails.put_event_selectors(who, HOME, arn, OBJECTS, None),
    "delete": lambda world, who, arn: world.trails.delete(who, HOME, arn, "request"),
    "get": lambda world, who, arn: world.trails.get(who, HOME, arn),
    "status": lambda world, who, arn: world.trails.status(who, HOME, arn),
    "get selectors": lambda world, who, arn: world.trails.at_home(who, HOME, arn),
}
NO, FOREIGN, OUTSIDE = "NotOrganizationMasterAccountException", "CloudTrailARNInvalidException", "OrganizationsNotInUseException"
MAY = {
    # action: manager, delegate, member, an account outside
    "create": ("yes", "yes", NO, OUTSIDE),
    "update": ("yes", "yes", NO, FOREIGN),
    "rename the bucket": ("yes", "yes", NO, FOREIGN),
    "make ordinary": ("yes", NO, NO, FOREIGN),
    "start": ("yes", "yes", NO, FOREIGN),
    "stop": ("yes", "yes", NO, FOREIGN),
    "put selectors": ("yes", "yes", NO, FOREIGN),
    "delete": ("yes", "yes", NO, FOREIGN),
    "get": ("yes", "yes", "yes", FOREIGN),
    "status": ("yes", "yes", "yes", FOREIGN),
    "get selectors": ("yes", "yes", "yes", FOREIGN),
}


def test_who_may_do_what(world: OrganizationWorld) -> None:
    delegate, member, outside = world.delegate(), world.member(), "999988887777"
    world.identities.accounts.ensure(outside)
    for action, expected in MAY.items():
        for who, answer in zip((MANAGER, delegate, member, outside), expected, strict=True):
            arn = world.organization_trail()
            assert (action, code_of(lambda: ACTIONS[action](world, who, arn))) == (action, answer)  # noqa: B023
            for trail in world.trails.list(MANAGER):
                world.trails.delete(MANAGER, HOME, trail.arn, "request")


def test_the_management_account_owns_what_a_delegate_makes(world: OrganizationWorld) -> None:
    delegate = world.delegate()
    assert world.organization_trail(by=delegate) == AUDIT
    assert world.trails.get(MANAGER, HOME, "audit").organization_id == world.organization_id
    assert code_of(lambda: world.trails.get(delegate, HOME, "audit")) == "TrailNotFoundException"
    # A trail of the same name may be the delegate's own.
    own = world.trails.create(delegate, HOME, "audit", Wanted(s3_bucket_name="logs"), {})
    assert own.arn == AUDIT.replace(MANAGER, delegate)
    assert world.trails.get(delegate, HOME, "audit").id == own.id
    assert code_of(lambda: world.trails.update(delegate, HOME, "audit", Wanted(is_organization_trail=True))) == NO


def test_without_what_it_takes_no_organization_trail_is_made(world: OrganizationWorld) -> None:
    other = "999988887777"
    world.identities.accounts.ensure(other)
    create: Callable[[str], str] = lambda who: code_of(lambda: world.organization_trail(by=who))  # noqa: E731
    assert create(other) == OUTSIDE
    world.organizations.create(other, "CONSOLIDATED_BILLING")
    assert create(other) == "OrganizationNotInAllFeaturesModeException"
    world.organizations.services.disable(MANAGER, CLOUDTRAIL)
    assert create(MANAGER) == "CloudTrailAccessNotEnabledException"
    world.trail("plain")
    becoming = Wanted(is_organization_trail=True)
    assert code_of(lambda: world.trails.update(MANAGER, HOME, "plain", becoming)) == "CloudTrailAccessNotEnabledException"
    assert [trail.name for trail in world.trails.list(MANAGER)] == ["plain"]


def test_members_see_the_copy_by_its_arn_only(world: OrganizationWorld) -> None:
    member = world.member()
    single = world.organization_trail("single")
    everywhere = world.organization_trail("everywhere", is_multi_region_trail=True)

    def described(region: str, *wanted: str, shadows: bool = True) -> list[str]:
        return [trail.arn for trail in world.trails.describe(member, region, wanted, include_shadows=shadows)]

    assert described(HOME) == [everywhere, single]
    assert described("eu-west-1") == [everywhere]
    assert described("cn-north-1") == []
    assert described(HOME, shadows=False) == []
    assert described(HOME, "single", "everywhere") == []
    assert described("eu-west-1", single, everywhere) == [single, everywhere]
    assert [trail.arn for trail in world.trails.list(member)] == [everywhere, single]
    assert code_of(lambda: world.trails.get(member, HOME, "single")) == "TrailNotFoundException"
    assert code_of(lambda: world.trails.stop_logging(member, HOME, "single", "request")) == "TrailNotFoundException"
    assert code_of(lambda: world.trails.stop_logging(MANAGER, "eu-west-1", everywhere, "request")) == "InvalidHomeRegionException"
    world.leave(member)
    assert world.trails.list(member) == []
    assert code_of(lambda: world.trails.get(member, HOME, single)) == FOREIGN


def test_five_trails_of_its_own_are_room_enough_for_copies_but_the_owner_has_five_at_most(world: OrganizationWorld) -> None:
    member = world.member()
    for number in range(5):
        world.trails.create(member, HOME, f"own{number}", Wanted(s3_bucket_name="logs"), {})
    for number in range(5):
        world.organization_trail(f"all{number}")
    assert len(world.trails.describe(member, HOME, (), include_shadows=True)) == 10
    assert code_of(lambda: world.organization_trail("sixth")) == "MaximumNumberOfTrailsExceededException"
    assert code_of(lambda: world.trails.create(member, HOME, "sixth", Wanted(s3_bucket_name="logs"), {})) == (
        "MaximumNumberOfTrailsExceededException"
    )


def test_the_bucket_is_asked_for_the_folder_of_the_organization(world: OrganizationWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(world.buckets, "check", lambda **given: asked.append(given))
    delegate = world.delegate()
    world.organization_trail(by=delegate, s3_key_prefix="p")
    world.trails.update(delegate, HOME, AUDIT, Wanted(s3_key_prefix="q"))
    world.trails.update(MANAGER, HOME, "audit", Wanted(is_organization_trail=False))
    both = {"bucket": "logs", "account_id": MANAGER, "source_arn": AUDIT, "kms_key_id": None}
    assert asked == [
        {**both, "prefix": "p", "organization_id": world.organization_id},
        {**both, "prefix": "q", "organization_id": world.organization_id},
        {**both, "prefix": "q", "organization_id": None},
    ]


def test_files_of_every_account_lie_below_the_organization(world: OrganizationWorld) -> None:
    first, second = world.member(), world.member()
    world.organization_trail(is_multi_region_trail=True)
    made = {world.happen(account=account): account for account in (MANAGER, first, second)}
    made[world.happen(account=first, region="eu-west-1")] = first
    world.happen(account="999988887777")
    world.run(301, by=100)
    assert world.located() == {event: f"AWSLogs/{world.organization_id}/{account}" for event, account in made.items()}
    assert world.trails.status(MANAGER, "eu-west-1", AUDIT)[1].delivered_at is not None
    assert world.trails.status(first, "us-west-2", AUDIT)[1].delivered_at is None


def test_the_record_of_the_stop_by_a_delegate_is_the_last_one(world: OrganizationWorld) -> None:
    delegate, member = world.delegate(), world.member()
    arn = world.organization_trail()
    made = [world.happen(account=member)]
    world.trails.stop_logging(delegate, HOME, arn, "the-stop")
    made.append(world.happen(account=delegate, request_id="the-stop", name="StopLogging", source="cloudtrail.amazonaws.com"))
    world.happen(account=member)
    world.run(2)
    assert set(world.located()) == set(made)


def test_data_events_of_members_are_selected(world: OrganizationWorld) -> None:
    member, outside = world.member(), "999988887777"
    world.organization_trail()
    world.trails.put_event_selectors(MANAGER, HOME, "audit", OBJECTS, None)
    selection = Selection(world.database, world.clock)
    asked = ("Data", "s3.amazonaws.com", "PutObject")
    assert [selection.may_in(account, *asked) for account in (MANAGER, member, outside)] == [True, True, False]
    world.leave(member)
    selection.changed()
    assert not selection.may_in(member, *asked)


def test_who_leaves_is_released_and_its_chain_ends(world: OrganizationWorld) -> None:
    began = world.clock.time()
    stays, goes = world.member(), world.member()
    arn = world.organization_trail(enable_log_file_validation=True)
    before = [world.happen(account=goes), world.happen(account=stays)]
    world.run(3700, by=100)
    before.append(world.happen(account=goes))
    world.leave(goes)
    world.happen(account=goes)
    before.append(world.happen(account=stays))
    world.run(3700, by=100)
    world.run(3700, by=100)
    assert sorted(world.located()) == sorted(before)
    digests = {
        account: world.buckets.keys("logs", f"AWSLogs/{world.organization_id}/{account}/CloudTrail-Digest/us-east-1/")
        for account in (MANAGER, stays, goes)
    }
    assert len(digests[goes]) < len(digests[stays]) == len(digests[MANAGER])
    for account in (MANAGER, stays, goes):
        report = ours(world, arn, began, account_id=account, organization_id=world.organization_id)
        assert report.exit_code == 0
        assert report.count("log", valid=True) == len([one for one in world.buckets.log_files() if f"/{account}/" in one])
        assert report.count("digest", valid=True) == len(digests[account])
    assert world.database.first("SELECT count(*) FROM trail_members WHERE stop IS NOT NULL", ()) == (0,)


def test_who_joins_is_covered_with_a_chain_of_its_own(world: OrganizationWorld) -> None:
    world.organization_trail(enable_log_file_validation=True)
    world.identities.accounts.ensure("999988887777")
    world.happen(account="999988887777")
    world.return_("999988887777")
    joined = world.happen(account="999988887777")
    world.run(3700, by=100)
    assert list(world.located()) == [joined]
    (digest,) = [world.buckets.json("logs", key) for key in world.buckets.keys("logs", "/999988887777/CloudTrail-Digest/")]
    assert digest["awsAccountId"] == "999988887777"
    assert len(digest["logFiles"]) == 1


def test_leaving_and_coming_back_at_once_breaks_no_chain(world: OrganizationWorld) -> None:
    member = world.member()
    world.organization_trail(enable_log_file_validation=True)
    made = [world.happen(account=member)]
    world.leave(member)
    world.happen(account=member)
    world.return_(member)
    made.append(world.happen(account=member))
    world.run(7300, by=100)
    assert sorted(world.located()) == sorted(made)
    first, *more = [world.buckets.json("logs", key) for key in world.buckets.keys("logs", f"/{member}/CloudTrail-Digest/")]
    assert first["previousDigestS3Object"] is None
    assert all(digest["previousDigestS3Object"] for digest in more)


def test_coming_back_while_the_last_digest_is_signed_keeps_the_chain_open(
    world: OrganizationWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = world.member()
    arn = world.organization_trail(enable_log_file_validation=True)
    began = world.clock.time()
    world.run(10)
    world.leave(member)
    signed: list[str] = []
    current = world.keys.current

    def comes_back(region: str) -> Any:
        if not signed:
            world.return_(member)
        signed.append(region)
        return current(region)

    monkeypatch.setattr(world.keys, "current", comes_back)
    world.run(7300, by=100)
    assert signed
    reports = [ours(world, arn, began, account_id=one, organization_id=world.organization_id) for one in (member, MANAGER)]
    assert [(report.exit_code, report.count("digest", valid=True)) for report in reports] == [(0, 2), (0, 2)]


def test_records_held_back_are_released_when_the_account_leaves(world: OrganizationWorld) -> None:
    member = world.member()
    world.organization_trail()
    own = world.happen(account=member, more={"userIdentity": {"type": "AWSService", "invokedBy": CLOUDTRAIL}})
    world.run(301, by=100)
    assert world.located() == {}
    world.leave(member)
    world.run(1)
    assert list(world.located()) == [own]


@pytest.mark.parametrize("end", ["deleted", "distrusted", "made ordinary"])
def test_without_the_organization_its_trails_are_ordinary_ones(world: OrganizationWorld, end: str) -> None:
    member = world.member()
    world.organization_trail(enable_log_file_validation=True)
    organization = world.organization_id
    made = {world.happen(account=member): f"AWSLogs/{organization}/{member}", world.happen(): f"AWSLogs/{organization}/{MANAGER}"}
    world.run(301, by=100)
    if end == "deleted":
        world.leave(member)
        world.organizations.delete(MANAGER)
    elif end == "distrusted":
        world.organizations.services.disable(MANAGER, CLOUDTRAIL)
    else:
        world.trails.update(MANAGER, HOME, "audit", Wanted(is_organization_trail=False))
    trail = world.trails.get(MANAGER, HOME, "audit")
    assert (trail.organization_id, trail.is_logging) == (None, True)
    assert world.trails.list(member) == []
    world.happen(account=member)
    made[world.happen()] = f"AWSLogs/{MANAGER}"
    world.run(7300, by=100)
    assert world.located() == made
    began = world.clock.time() - 7700
    assert ours(world, AUDIT, began, account_id=member, organization_id=organization).exit_code == 0
    report = ours(world, AUDIT, began)
    assert report.exit_code == 0
    # The owner's chain goes on, from the folder of the organization to its own.
    assert report.count("log", valid=True) == 2


def test_a_trail_becomes_one_of_the_organization(world: OrganizationWorld) -> None:
    member = world.member()
    world.trail()
    world.happen(account=member)
    world.trails.update(MANAGER, HOME, "audit", Wanted(is_organization_trail=True))
    made = world.happen(account=member)
    world.run(301, by=100)
    assert list(world.located()) == [made]


def test_a_deed_that_fails_leaves_the_trails_alone(world: OrganizationWorld) -> None:
    member = world.delegate()
    world.organization_trail()
    with pytest.raises(Fault):
        world.leave(member)  # a delegated administrator cannot
    assert [trail.name for trail in world.trails.list(member)] == ["audit"]
