"""Accounts come and go, a trail starts and stops, in any order, and whoever delivers may die: each event is delivered if and only if its
account was a member and the trail was logging when it was made."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentrail.config import TrailsSettings
from opentrail.trails.control import Wanted
from simulators.organization import MANAGER, OrganizationWorld
from simulators.proof import ours
from simulators.trails import HOME, Crash, Deaths

ACCOUNTS = ("111100000001", "111100000002", "111100000003")
QUICK = TrailsSettings(delivery_interval=5.0, digest_interval=30.0)
STEPS = st.sampled_from(
    [
        *(("happen", account) for account in (MANAGER, *ACCOUNTS) for _ in range(3)),
        *((change, account) for account in ACCOUNTS for change in ("join", "leave") for _ in range(2)),
        *((change, "") for change in ("start", "stop", "start", "restart", "to all", "to one")),
        *(("run", seconds) for seconds in ("1", "6", "31")),
    ]
)


@contextmanager
def an_organization(folder: Path) -> Iterator[OrganizationWorld]:
    world = OrganizationWorld(folder, settings=QUICK)
    for account_id in ACCOUNTS:
        world.identities.accounts.ensure(account_id)
    world.organization_trail(start=False, enable_log_file_validation=True)
    yield world
    world.close()


class Model:
    """What should be delivered, in plain sets."""

    def __init__(self) -> None:
        self.members: set[str] = set()
        self.is_logging = False
        self.is_for_all = True
        self.delivered: dict[str, str] = {}

    def note(self, event_id: str, account_id: str) -> None:
        if self.is_logging and (account_id == MANAGER or (self.is_for_all and account_id in self.members)):
            self.delivered[event_id] = account_id


def take(world: OrganizationWorld, model: Model, what: str, detail: str) -> None:
    """One step of the story, where it is possible."""
    match what:
        case "happen":
            model.note(world.happen(account=detail), detail)
        case "join" if detail not in model.members:
            world.return_(detail)
            model.members.add(detail)
        case "leave" if detail in model.members:
            world.leave(detail)
            model.members.discard(detail)
        case "start":
            world.trails.start_logging(MANAGER, HOME, "audit")
            model.is_logging = True
        case "stop":
            event_id = world.stop()  # its own record still belongs to the trail
            model.note(event_id, MANAGER)
            model.is_logging = False
        case "restart":
            world.restart()
        case "to all" | "to one":
            model.is_for_all = what == "to all"
            world.trails.update(MANAGER, HOME, "audit", Wanted(is_organization_trail=model.is_for_all))
        case "run":
            world.run(float(detail))


def check(world: OrganizationWorld, model: Model, arn: str, began: float) -> None:
    found = world.located()
    assert {event: where.rpartition("/")[2] for event, where in found.items()} == model.delivered
    assert all(world.organization_id in where for event, where in found.items() if model.delivered[event] != MANAGER)
    for account_id in ACCOUNTS:
        report = ours(world, arn, began, account_id=account_id, organization_id=world.organization_id)
        assert report.exit_code == 0, [str(finding) for finding in report.findings]
        assert not [finding for finding in report.findings if "not covered" in str(finding)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, min_size=20, max_size=60))
def test_an_event_is_delivered_if_its_account_was_a_member_and_the_trail_was_logging(steps: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder, an_organization(Path(folder)) as world:
        model, began = Model(), world.clock.time()
        arn = world.trails.get(MANAGER, HOME, "audit").arn
        for what, detail in [("join", ACCOUNTS[0]), ("start", ""), *steps]:
            take(world, model, what, detail)
        world.run(62 + 31)
        check(world, model, arn, began)
        now = {world.trails.list(account_id) != [] for account_id in model.members}
        assert now <= {model.is_for_all}


STORY = [
    *(("join", account) for account in ACCOUNTS[:2]),
    ("start", ""),
    *(("happen", account) for account in (MANAGER, *ACCOUNTS)),
    ("leave", ACCOUNTS[0]),
    *(("happen", account) for account in (MANAGER, *ACCOUNTS)),
    ("join", ACCOUNTS[2]),
    *(("happen", account) for account in (MANAGER, *ACCOUNTS)),
    ("stop", ""),
    *(("happen", account) for account in (MANAGER, *ACCOUNTS)),
]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 400), st.lists(st.integers(0, len(STORY) - 1), max_size=6))
def test_whoever_delivers_may_die_at_any_instruction(after: int, pauses: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder, an_organization(Path(folder)) as world:
        model, began = Model(), world.clock.time()
        arn = world.trails.get(MANAGER, HOME, "audit").arn
        for number, (what, detail) in enumerate(STORY):
            take(world, model, what, detail)
            if number in pauses:
                world.run(6)
        deaths = Deaths(world, after=after)
        left = 95
        while left > 0:
            try:
                world.settle()
                world.clock.advance(1)
                left -= 1
            except Crash:
                world.restart()
        deaths.after = None
        world.run(1)
        check(world, model, arn, began)


def test_the_deed_and_what_the_trails_make_of_it_are_one(tmp_path: Path) -> None:
    """Killed at any instruction of a change of membership, the account is a member and covered, or neither."""
    with an_organization(tmp_path) as world:
        account_id = ACCOUNTS[0]
        deaths = Deaths(world)
        for after in range(60):
            before = world.organizations.of(account_id) is not None
            deaths.passed, deaths.after = 0, after
            try:
                if before:
                    world.leave(account_id)
                else:
                    world.return_(account_id)
            except Crash:
                pass
            deaths.after = None
            is_member = world.organizations.of(account_id) is not None
            assert is_member == (world.trails.list(account_id) != [])
            if not is_member:
                for invitation in world.organizations.handshakes.sent(MANAGER).items:
                    if invitation.state == "OPEN":
                        world.organizations.handshakes.cancel(MANAGER, invitation.id)
