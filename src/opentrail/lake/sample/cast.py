"""Who acts in a sample: people, machines and services, each with their addresses and programs. Invented; the names are documentation's."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
LEAKED_USER: Final = "ci-deploy"
"""The IAM user of the first account whose access key leaks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A kind of caller: the same every day, in sessions of its own."""

    name: str
    """Of the user, or of the role."""
    weight: int
    agents: tuple[str, ...]
    network: str
    """The first three numbers of its addresses, or the name of a service."""
    work: str
    """Which calls it makes: a key of `calls.WORK`."""
    role: bool = True
    person: bool = False


_BROWSER: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_BOTO: Final = "Boto3/1.40.12 md/Botocore#1.40.12 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.12.4 md/pyimpl#CPython"
_CLI: Final = "aws-cli/2.28.3 md/awscrt#0.27.6 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.13.7 md/prompt#off md/command#{}"
_JAVA: Final = "aws-sdk-java/2.31.50 md/io#sync md/http#Apache ua/2.1 os/Linux#6.1 lang/java#21.0.7 md/OpenJDK_64-Bit_Server_VM"
_TERRAFORM: Final = (
    "APN/1.0 HashiCorp/1.0 Terraform/1.12.2 aws-sdk-go-v2/1.36.5 ua/2.1 os/linux lang/go#1.24.4 md/GOOS#linux md/GOARCH#amd64 api/all"
)

ACTORS: Final = (
    Actor(name="AppServer", weight=34, agents=(_JAVA, _BOTO), network="10.0.3", work="application"),
    Actor(name="DataPipeline", weight=22, agents=(_BOTO,), network="10.0.8", work="pipeline"),
    Actor(name="Monitoring", weight=16, agents=(_BOTO, _JAVA), network="192.0.2", work="monitoring"),
    Actor(name="Deployer", weight=9, agents=(_TERRAFORM,), network="198.51.100", work="deployment"),
    Actor(name=LEAKED_USER, weight=5, agents=(_CLI.format("s3.cp"), _BOTO), network="198.51.100", work="build", role=False),
    Actor(
        name="AWSServiceRoleForAutoScaling",
        weight=6,
        agents=("autoscaling.amazonaws.com",),
        network="autoscaling.amazonaws.com",
        work="scaling",
    ),
    Actor(
        name="PowerUser",
        weight=5,
        agents=(_BROWSER, _CLI.format("ec2.describe-instances")),
        network="198.51.100",
        work="person",
        person=True,
    ),
    Actor(
        name="ana", weight=2, agents=(_CLI.format("iam.list-users"), _BROWSER), network="198.51.100", work="person", role=False, person=True
    ),
    Actor(name="SecurityAudit", weight=3, agents=(_BOTO,), network="192.0.2", work="audit"),
)
_PEOPLE: Final = ("ana", "bo", "chidi", "dora", "emre", "fen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One actor at work: what its records have in common."""

    actor: Actor
    identity: str
    """JSON."""
    address: str
    agent: str
    """JSON."""
    console: bool


def unique(random: Random, prefix: str, account_id: str, name: str) -> str:
    """An id of 20 characters that stays the same for a name in an account."""
    own = Random(f"{prefix}/{account_id}/{name}")
    return f"{prefix}EXAMPLE" + "".join(own.choices(_LETTERS, k=9 if len(prefix) == 4 else 10))


def session(random: Random, account_id: str, started: str) -> Session:
    """A session of one of the actors, `started` (ISO time) before it does what is recorded."""
    actor = random.choices(ACTORS, _WEIGHTS)[0]
    agent = random.choice(actor.agents)
    service = actor.network.endswith(".com")
    address = actor.network if service else f"{actor.network}.{random.randrange(2, 60)}"
    if actor.role:
        identity = _role(random, actor, account_id, started)
    else:
        identity = user(account_id, actor.name, access_key(account_id, actor.name))
    return Session(actor=actor, identity=identity, address=address, agent=f'"{agent}"', console=agent == _BROWSER)


_WEIGHTS: Final = [actor.weight for actor in ACTORS]


def access_key(account_id: str, name: str) -> str:
    """The id of a user's access key."""
    return unique(Random(), "AKIA", account_id, name)


def user(account_id: str, name: str, key: str) -> str:
    """`userIdentity` of an IAM user."""
    principal = unique(Random(), "AIDA", account_id, name)
    return (
        f'{{"type":"IAMUser","principalId":"{principal}","arn":"arn:aws:iam::{account_id}:user/{name}","accountId":"{account_id}",'
        f'"accessKeyId":"{key}","userName":"{name}"}}'
    )


def _role(random: Random, actor: Actor, account_id: str, started: str) -> str:
    principal = unique(random, "AROA", account_id, actor.name)
    if actor.person:
        name = f"{random.choice(_PEOPLE)}@example.com"
    elif actor.work == "application":
        name = f"i-0{random.getrandbits(64):016x}"
    else:
        name = f"{actor.work}-{random.randrange(1, 10_000)}"
    key = "ASIAEXAMPLE" + "".join(random.choices(_LETTERS, k=9))
    path = "aws-reserved/sso.amazonaws.com/" if actor.person else ""
    delivery = ',"ec2RoleDelivery":"2.0"' if actor.work == "application" else ""
    invoked = f',"invokedBy":"{actor.network}"' if actor.network.endswith(".com") else ""
    return (
        f'{{"type":"AssumedRole","principalId":"{principal}:{name}","arn":"arn:aws:sts::{account_id}:assumed-role/{actor.name}/{name}",'
        f'"accountId":"{account_id}","accessKeyId":"{key}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"{principal}",'
        f'"arn":"arn:aws:iam::{account_id}:role/{path}{actor.name}","accountId":"{account_id}","userName":"{actor.name}"}},'
        f'"attributes":{{"creationDate":"{started}","mfaAuthenticated":"{str(actor.person).lower()}"}}{delivery}}}{invoked}}}'
    )
