"""Values that stand in a question as they are: addresses, accounts, Regions, keys, ARNs, ids, names. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from re import Match, Pattern
from typing import Final

from opentrail.lake.questions.text import Text, literal
from opentrail.lake.questions.vocabulary import FILLING, vocabulary, whole

_ARN: Final = re.compile(r"\barn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:\d*:[\w+=,.@:/*-]*[\w+=@/*-]")
_ACCESS_KEY: Final = whole(r"(?:(?:with|by|of|using|from) )?(?:the )?(?:access key(?: id)? )?((?:AKIA|ASIA)[A-Z0-9]{12,20})(?:'s)?")
_ADDRESS: Final = whole(
    r"(?:(?:from|by|of|with|at) )?(?:the )?(?:source )?(?:ip )?(?:address )?((?:\d{1,3}\.){3}\d{1,3}|"
    r"(?:[0-9a-f]{1,4}:){2,7}[0-9a-f]{0,4}(?::[0-9a-f]{1,4})*)"
)
_ACCOUNT: Final = whole(r"(?:(?:in|from|of|for|by) )?(?:the )?(?:aws )?(?:account(?: id)? )?(\d{12})")
_REGION: Final = whole(
    r"(?:(?:in|from|of|for) )?(?:the )?(?:aws )?(?:region )?((?:af|ap|ca|cn|eu|il|me|mx|sa|us|us-gov)-(?:north|"
    r"south|east|west|central)(?:east|west)?-\d)(?: region)?"
)
_SOURCE: Final = whole(r"([a-z0-9.-]+\.amazonaws\.com)")
_RESOURCE: Final = whole(
    r"(?:(?:to|on|of|for|with) )?(?:the )?(?:instance |security group |vpc |subnet |volume |snapshot |image )?((?:i|"
    r"sg|vpc|subnet|vol|snap|ami|eni|igw|rtb|acl|nat)-[0-9a-f]{8,17})"
)
_ENDPOINT: Final = whole(r"(?:(?:through|via|from) )?(?:the )?(?:vpc endpoint )?(vpce-[0-9a-f]{8,17})")
_ERROR: Final = re.compile(
    r"\b(?:the )?(?:error(?: code)? )?((?:[A-Z][A-Za-z]+\.)?(?:[A-Z][A-Za-z]*)?(?:Exception|Fault|Error|NotFound|"
    r"UnauthorizedOperation|AccessDenied|LimitExceeded))\b(?: errors?| exceptions?)?"
)
_API: Final = re.compile(
    r"\b(?:the )?([A-Z][a-z]+(?:[A-Z]+[a-z0-9]*)+|Decrypt|Encrypt|Publish|Invoke|Scan)\b"
    r"(?: (?:api )?(?:calls?|events?|actions?|api|operations?)\b)?"
)
_NAME: Final = r"'([^']{1,128})'|\"([^\"]{1,128})\"|([\w+=,.@/-]{2,128})"
_NAMED: Final = re.compile(
    rf"\b(?:(?:by|from|of|for|to|in|on|with|as|did|has|into|invoking) )?(?:the )?(?:iam |s3 |kms |lambda |dynamodb |aws )?"
    rf"(user|role|bucket|function|table|key|secret|topic|stack|group|policy|object|trail)(?: named| called|,)?:? (?:{_NAME})",
    re.IGNORECASE,
)
_BY: Final = re.compile(
    rf"\b(?:by|did|has) (?:{_NAME})(?=$|[ ,.?!;])|\b(?:of|from) (?:'([^']{{1,128}})'|\"([^\"]{{1,128}})\")",
    re.IGNORECASE,
)
_POSSESSIVE: Final = re.compile(r"\b([\w.@-]{2,64})'s\b")


def take(text: Text) -> Iterator[str]:
    """Conditions for every value that `text` names, each crossed out."""
    yield from _each(text, _ARN, lambda found: _of_arn(found[0]))
    yield from _each(text, _ACCESS_KEY, lambda found: f"userIdentity.accessKeyId = {literal(found[1])}")
    yield from _each(text, _ENDPOINT, lambda found: f"vpcEndpointId = {literal(found[1].lower())}")
    while found := text.take_group(_RESOURCE, 1):
        yield f"eventJson LIKE {literal('%' + found[1].lower() + '%')}"
    yield from _each(text, _ADDRESS, lambda found: f"sourceIPAddress = {literal(found[1])}")
    yield from _each(text, _ACCOUNT, lambda found: f"recipientAccountId = {literal(found[1])}")
    regions = [found[1].lower() for found in text.take_all(_REGION)]
    for words, region in vocabulary().regions:
        regions += [region for _ in text.take_all(words)]
    if regions:
        yield _one_of("awsRegion", regions)
    yield from _each(text, _SOURCE, lambda found: f"eventSource = {literal(found[1].lower())}")
    errors = [found[1] for found in text.take_all(_ERROR)]
    if errors:
        yield _one_of("errorCode", errors)
    names = [found[1] for found in text.take_all(_apis())]
    if names:
        yield _one_of("eventName", names)
    yield from _named(text)


@cache
def _apis() -> Pattern[str]:
    """Names of APIs; those of services (CloudTrail, DynamoDB) look the same and are none."""
    services = "|".join(words.pattern for words, _ in vocabulary().services)
    return re.compile(rf"(?!(?i:{services})){_API.pattern}")


def _named(text: Text) -> Iterator[str]:
    while (done := text.find(_done_to())) is not None and (_quoted(done) or not _known(_value(done))):
        text.take_group(_done_to(), next(group for group in (2, 3, 4) if done[group]))
        yield f"element_at(requestParameters, {literal(_DONE_TO[done[1].lower()])}) = {literal(_value(done))}"
    for found in _names(text, _NAMED, whole_match=False):
        yield _of_kind(found)
    for pattern, condition in ((_BY, _of_user), (_POSSESSIVE, _of_user)):
        for found in _names(text, pattern):
            yield condition(found)


def _names(text: Text, pattern: Pattern[str], *, whole_match: bool = True) -> Iterator[Match[str]]:
    """Places where something bears a name: in quotation marks, or a word that the vocabulary does not know. Where the thing is not a caller
    its noun stays, for the verb before it."""
    at: Match[str] | None = text.find(pattern)
    while at is not None and (_quoted(at) or not _known(_value(at))):
        if whole_match or at[1].lower() in ("user", "role"):
            text.take(pattern)
        else:
            text.take_group(pattern, next(group for group in (2, 3, 4) if at[group]))
        yield at
        at = text.find(pattern)


def _of_kind(found: Match[str]) -> str:
    kind, name = found[1].lower(), _value(found)
    if kind == "user":
        return _user(name)
    if kind == "role":
        return f"userIdentity.sessionContext.sessionIssuer.userName = {literal(name)}"
    parameter = _PARAMETERS.get(kind)
    if parameter:
        return f"element_at(requestParameters, {literal(parameter)}) = {literal(name)}"
    return f"eventJson LIKE {literal('%' + name + '%')}"


def _of_user(found: Match[str]) -> str:
    return _user(_value(found))


def _user(name: str) -> str:
    return f"(userIdentity.userName = {literal(name)} OR userIdentity.arn LIKE {literal('%/' + name)})"


@cache
def _done_to() -> Pattern[str]:
    """`deleted the user bob`: there a user is what the call is about, not who made it."""
    verbs = "|".join(words for verb, words in vocabulary().verbs.items() if verb not in ("read", "invoke"))
    return re.compile(rf"\b(?:{verbs}) (?:the |an? )?(?:iam )?(user|role|group)(?: named| called)?:? (?:{_NAME})", re.IGNORECASE)


_DONE_TO: Final = {"user": "userName", "role": "roleName", "group": "groupName"}
NAMED_THING: Final = re.compile(
    r"\b(?:(?:in|on|from|to|of|for|by|with) )?(?:the )?(?:s3 |kms |lambda |dynamodb |iam |ec2 )?"
    r"(?:bucket|function|table|key|secret|topic|stack|group|policy|object|trail|instance|security group|vpc|subnet|volume|snapshot|image)"
    r"(?: named| called)?:?  ;",
    re.IGNORECASE,
)
"""The noun before a name that is crossed out."""
_PARAMETERS: Final = {
    "bucket": "bucketName",
    "function": "functionName",
    "table": "tableName",
    "key": "keyId",
    "secret": "secretId",
    "topic": "topicArn",
    "stack": "stackName",
    "group": "groupName",
    "object": "key",
}


def _of_arn(arn: str) -> str:
    kind = arn.split(":", 5)[5]
    if ":iam:" in arn and kind.startswith("role/"):
        return f"userIdentity.sessionContext.sessionIssuer.arn = {literal(arn)}"
    if (":iam:" in arn and kind.startswith(("user/", "root"))) or ":sts:" in arn:
        return f"userIdentity.arn = {literal(arn)}"
    return f"any_match(resources, r -> r.arn = {literal(arn)})"


def _each(text: Text, pattern: Pattern[str], condition: Callable[[Match[str]], str]) -> Iterator[str]:
    for found in text.take_all(pattern):
        yield condition(found)


def _one_of(column: str, values: list[str]) -> str:
    unlike = list(dict.fromkeys(values))
    return f"{column} = {literal(unlike[0])}" if len(unlike) == 1 else f"{column} IN ({', '.join(literal(value) for value in unlike)})"


def _quoted(found: Match[str]) -> bool:
    return found.re is not _POSSESSIVE and _value(found) in [one[1:-1] for one in re.findall(r"'[^']*'|\"[^\"]*\"", found[0])]


def _value(found: Match[str]) -> str:
    values = found.groups() if found.re in (_BY, _POSSESSIVE) else found.groups()[1:]
    return next(value for value in values if value).rstrip(".,?!")


def _known(word: str) -> bool:
    """Whether `word` is one of ours rather than a name."""
    lower = word.lower().rstrip(".,?!")
    if re.search(r"[\d_@./-]", lower) and not re.fullmatch(r"\d+", lower):
        return lower in ("read-only", "sign-in", "sign-ins", "log-in", "cross-account")
    known = vocabulary()
    if lower in FILLING or re.fullmatch(r"\d+", lower) or lower in _NEVER_NAMES:
        return True
    patterns = [
        *(one.words for one in known.dimensions),
        *(thing.words for thing in known.things),
        *known.verbs.values(),
    ]
    return any(re.fullmatch(pattern, lower) for pattern in patterns) or any(
        one.fullmatch(lower) for one in (*(phrase.words for phrase in known.phrases), *(words for words, _ in known.services))
    )


_NEVER_NAMES: Final = frozenset((files(__package__) / "no_names.txt").read_text(encoding="utf-8").split())
"""Words that are names of nobody."""
