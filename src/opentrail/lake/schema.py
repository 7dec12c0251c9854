"""The columns of each family, as Lake shows them, in Trino's types (reference of Lake SQL, §2). Data, and the types to write it in. Pure.

Column and field names are lower case, as `SELECT *` yields them; `as_trino` prints a type as Trino does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from opentrail.lake.families import Family


@dataclass(frozen=True, slots=True)
class Scalar:
    """A type without parts, by its Trino name."""

    name: str


@dataclass(frozen=True, slots=True)
class Map:
    """`map(varchar, varchar)`: the free-form objects. A scalar value is its text, anything else its compact JSON."""


@dataclass(frozen=True, slots=True)
class Array:
    """`array(of)`."""

    of: Type


@dataclass(frozen=True, slots=True)
class Row:
    """`row(name type, …)`."""

    fields: tuple[Column, ...]


Type = Scalar | Map | Array | Row


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, or a field of a row."""

    name: str
    type: Type


VARCHAR: Final = Scalar("varchar")
BOOLEAN: Final = Scalar("boolean")
INTEGER: Final = Scalar("integer")
DOUBLE: Final = Scalar("double")
TIMESTAMP: Final = Scalar("timestamp(3)")
"""Without zone, in UTC."""
MAP: Final = Map()


def _texts(names: str) -> tuple[Column, ...]:
    return tuple(Column(name, VARCHAR) for name in names.split())


def _maps(names: str) -> tuple[Column, ...]:
    return tuple(Column(name, MAP) for name in names.split())


def _row(*fields: Column) -> Row:
    return Row(fields)


_ORIGINAL: Final = _texts("eventjson eventjsonchecksum")

USER_IDENTITY: Final = _row(
    *_texts("type principalid arn accountid accesskeyid username"),
    Column(
        "sessioncontext",
        _row(
            Column("attributes", _row(Column("creationdate", TIMESTAMP), Column("mfaauthenticated", VARCHAR))),
            Column("sessionissuer", _row(*_texts("type principalid arn accountid username"))),
            Column("webidfederationdata", _row(Column("federatedprovider", VARCHAR), Column("attributes", MAP))),
            *_texts("sourceidentity ec2roledelivery ec2issuedinvpc"),
        ),
    ),
    Column("onbehalfof", _row(*_texts("userid identitystorearn"))),
    Column("inscopeof", _row(*_texts("sourcearn sourceaccount issuertype credentialsissuedto"))),
    *_texts("invokedby identityprovider"),
)

EVENT_CONTEXT: Final = _row(
    Column("requestcontext", MAP),
    Column(
        "tagcontext",
        _row(Column("resourcetags", Array(_row(Column("arn", VARCHAR), Column("tags", MAP)))), Column("principaltags", MAP)),
    ),
)
"""Filled in stores with enriched events, null elsewhere."""

_EVENTS: Final = (
    Column("eventversion", VARCHAR),
    Column("useridentity", USER_IDENTITY),
    Column("eventtime", TIMESTAMP),
    *_texts("eventsource eventname awsregion sourceipaddress useragent errorcode errormessage"),
    *_maps("requestparameters responseelements additionaleventdata"),
    *_texts("requestid eventid"),
    Column("readonly", BOOLEAN),
    Column("resources", Array(_row(*_texts("accountid type arn arnprefix")))),
    *_texts("eventtype apiversion"),
    Column("managementevent", BOOLEAN),
    *_texts("recipientaccountid sharedeventid annotation vpcendpointid vpcendpointaccountid"),
    *_maps("serviceeventdetails addendum edgedevicedetails insightdetails"),
    Column("eventcategory", VARCHAR),
    Column("tlsdetails", _row(*_texts("tlsversion ciphersuite clientprovidedhostheader"))),
    Column("sessioncredentialfromconsole", VARCHAR),
    *_ORIGINAL,
    Column("eventcontext", EVENT_CONTEXT),
)


def _common(*, addendum: Column, before: tuple[Column, ...] = ()) -> tuple[Column, ...]:
    return (
        *_texts("eventversion eventcategory eventtype eventid"),
        Column("eventtime", TIMESTAMP),
        *_texts("awsregion recipientaccountid"),
        *before,
        addendum,
    )


_ADDENDUM: Final = Column("addendum", MAP)
_AVERAGES: Final = Array(_row(Column("value", VARCHAR), Column("average", DOUBLE)))

_INSIGHTS: Final = (
    *_common(addendum=_ADDENDUM, before=_texts("sharedeventid")),
    *_texts("insightsource insightstate insighteventsource insighteventname insighterrorcode insighttype"),
    Column(
        "insightcontext",
        _row(
            Column("baselineaverage", DOUBLE),
            Column("insightaverage", DOUBLE),
            Column("baselineduration", INTEGER),
            Column("insightduration", INTEGER),
            Column(
                "attributions",
                Array(
                    _row(
                        Column("attribute", VARCHAR),
                        Column("insightvalue", VARCHAR),
                        Column("insightaverage", DOUBLE),
                        Column("baselinevalue", VARCHAR),
                        Column("baselineaverage", DOUBLE),
                        Column("insight", _AVERAGES),
                        Column("baseline", _AVERAGES),
                    )
                ),
            ),
        ),
    ),
    *_ORIGINAL,
)

_CONFIGURATION: Final = (
    *_common(addendum=_ADDENDUM),
    Column(
        "eventdata",
        _row(
            *_texts("configurationitemversion configurationitemcapturetime configurationitemstatus configurationitemstateid accountid"),
            *_texts("resourcetype resourceid resourcename arn awsregion availabilityzone resourcecreationtime"),
            *_maps("configuration supplementaryconfiguration"),
            Column("relatedevents", VARCHAR),
            Column("relationships", Array(_row(*_texts("name resourcetype resourceid resourcename")))),
            Column("tags", MAP),
        ),
    ),
    *_ORIGINAL,
)

_EVIDENCE: Final = (
    *_common(addendum=_ADDENDUM),
    Column(
        "eventdata",
        _row(
            Column("attributes", MAP),
            *_texts("awsaccountid awsorganization compliancecheck datasource eventname eventsource evidenceawsaccountid evidencebytype"),
            *_texts("iamid evidenceid"),
            Column("time", TIMESTAMP),
            *_texts("assessmentid controlsetid controlid controlname controldomainname frameworkname frameworkid service servicecategory"),
            *_texts("resourcearn resourcetype evidencefolderid description manualevidences3resourcepath evidencefoldername"),
            Column("resourcecompliancecheck", VARCHAR),
        ),
    ),
    *_ORIGINAL,
)

_ACTIVITY: Final = (
    *_common(addendum=Column("addendum", _row(*_texts("reason updatedfields originaluid originaleventid")))),
    Column("metadata", _row(*_texts("ingestiontime channelarn"))),
    Column(
        "eventdata",
        _row(
            Column("version", VARCHAR),
            Column("useridentity", _row(*_texts("type principalid"), Column("details", MAP))),
            *_texts("useragent eventsource eventname eventtime uid"),
            *_maps("requestparameters responseelements"),
            *_texts("errorcode errormessage sourceipaddress recipientaccountid"),
            Column("additionaleventdata", MAP),
        ),
    ),
    *_ORIGINAL,
)

COLUMNS: Final[Mapping[Family, tuple[Column, ...]]] = {
    Family.EVENTS: _EVENTS,
    Family.INSIGHTS: _INSIGHTS,
    Family.CONFIGURATION: _CONFIGURATION,
    Family.EVIDENCE: _EVIDENCE,
    Family.ACTIVITY: _ACTIVITY,
}
"""In the order of `SELECT *`."""

ALIASES: Final[Mapping[str, str]] = {"credentiaisissuedto": "credentialsissuedto", "errormssage": "errormessage"}
"""Field names as AWS's pages misspell them → the real ones; queries may use either."""


def as_trino(of: Type) -> str:
    """`of` as Trino prints it: `array(row(arn varchar, tags map(varchar, varchar)))`."""
    match of:
        case Scalar(name):
            return name
        case Map():
            return "map(varchar, varchar)"
        case Array(inner):
            return f"array({as_trino(inner)})"
        case Row(fields):
            return f"row({', '.join(f'{field.name} {as_trino(field.type)}' for field in fields)})"
