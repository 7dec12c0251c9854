"""EC2's two ways of printing, told apart by `ec2_names.SOAP_AGE`.

Old:   {"instancesSet": {"items": [{"instanceId": "i-1"}]}, "filterSet": {}}         → {"requestId": …, "_return": true}
Young: {"DescribeHostsRequest": {"HostId": {"tag": 1, "content": "h-1"}}}            → {"CreateFlowLogsResponse": {"xmlns": …, …}}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, OperationModel, Shape, StructureShape

from opentrail.recorder import ec2_names, secrets, xml
from opentrail.recorder.printing import Writer, milliseconds, us_style
from opentrail.recorder.spelling import lower_first

Request = Callable[[Mapping[str, Any]], dict[str, Any]]
Response = Callable[[Mapping[str, Any], str], dict[str, Any]]
"""Of the result and the request id."""


def request(operation: OperationModel) -> Request | None:
    """Writer of `requestParameters`; `None` for an operation that takes none."""
    shape = operation.input_shape
    if shape is None:
        return None
    if operation.name in ec2_names.SOAP_AGE:
        return _soap_request(operation.name, shape)
    envelope = operation.name + "Request"
    return lambda parameters: {envelope: xml.query_parameters("ec2", shape, parameters) or ""}


def response(operation: OperationModel) -> Response:
    """Writer of `responseElements` of a call that changes something; every one of EC2's has some."""
    shape = operation.output_shape
    if operation.name in ec2_names.SOAP_AGE:
        return _soap_response(operation.name, shape)
    envelope = operation.name + "Response"

    def write(result: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        elements = xml.structure("ec2", shape, result) if shape is not None else {}
        if shape is None:
            elements = {"return": True}
        return {envelope: {"xmlns": ec2_names.NAMESPACE, "requestId": request_id, **elements}}

    return write


class Sets:
    """The names of an operation's sets, and what is remembered of its members' secrets."""

    def __init__(self, operation: str) -> None:
        self.names: Mapping[str, tuple[str, str]] = {**ec2_names.SETS, **ec2_names.OPERATION_SETS.get(operation, {})}
        self._treatments: dict[tuple[str, str], str | None] = {}

    def treatment(self, owner: str, member: str, shape: Shape) -> str | None:
        """As `secrets.treatment`, which is too slow to be asked for each value."""
        key = owner, member
        if key not in self._treatments:
            self._treatments[key] = secrets.treatment("ec2", owner, member, shape)
        return self._treatments[key]


def _soap_request(name: str, shape: StructureShape) -> Request:
    special = _SPECIAL.get(name)
    sets = Sets(name)
    unprinted = ec2_names.NOT_PRINTED.get(name, frozenset())
    item_key = ec2_names.ITEM_KEYS.get(name, "items")
    renamed = ec2_names.RENAMED.get(name, {})
    as_text = ec2_names.AS_TEXT.get(name, frozenset())
    empty = dict(ec2_names.ALWAYS.get(name, {}))
    if name.startswith("Describe"):
        for member, inner in shape.members.items():
            if isinstance(inner, ListShape) and (member != "Filters" or name not in ec2_names.FILTER_ONLY_WHEN_SENT):
                empty.setdefault(set_name(member, inner, sets.names)[0], {})

    def write(parameters: Mapping[str, Any]) -> dict[str, Any]:
        if special is not None:
            parameters, printed = special(parameters)
        else:
            printed = {}
        for key, value in _soap_structure(shape, parameters, sets, item_key, unprinted).items():
            if key in printed and isinstance(value, dict) and "items" in value:
                # two lists of one set: security groups by id and by name
                printed[key] = {"items": [*printed[key].get("items", ()), *value["items"]]}
                continue
            printed[renamed.get(key, key)] = str(value) if key in as_text else value
        for key, value in empty.items():
            printed.setdefault(key, value)
        return printed

    return write


def _soap_structure(
    shape: StructureShape,
    value: Mapping[str, Any],
    sets: Sets,
    item_key: str = "items",
    unprinted: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    printed: dict[str, Any] = {}
    for member, item in value.items():
        inner = shape.members.get(member)
        if inner is None or item is None or inner.type_name == "blob" or member in unprinted:
            continue
        instead = sets.treatment(shape.name, member, inner)
        if isinstance(inner, ListShape):
            name, content = set_name(member, inner, sets.names)
            entries = instead or {item_key: [_soap_item(inner.member, content, entry, sets) for entry in item]} if item else {}
            if name in printed and isinstance(entries, dict):
                entries = {item_key: [*printed[name].get(item_key, ()), *entries.get(item_key, ())]}
            printed[name] = entries
            continue
        printed[soap_name(member, inner)] = instead if instead else _soap_value(inner, item, sets)
    if shape.name == "IpPermission":
        for name in ("groups", "ipRanges", "ipv6Ranges", "prefixListIds"):
            printed.setdefault(name, {})
    return printed


def _soap_value(shape: Shape, value: Any, sets: Sets) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        return _soap_structure(shape, value, sets)
    return us_style(value) if shape.type_name == "timestamp" else value


def _soap_item(shape: Shape, content: str, entry: Any, sets: Sets) -> Any:
    if not isinstance(shape, StructureShape) or not isinstance(entry, Mapping):
        return {content or "item": entry}
    printed = _soap_structure(shape, entry, sets)
    if shape.name == "TagSpecification" and "tagSet" in printed:
        # the one list that is printed plainly (seen)
        printed["tags"] = printed.pop("tagSet").get("items", [])
    return printed


def set_name(member: str, shape: ListShape, sets: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    """What a list is printed as, and what each of its items holds its value under."""
    known = sets.get(member)
    if known is not None:
        return known
    name = lower_first(str(shape.serialization.get("name", member)))
    return (name if name.endswith("Set") else name + "Set"), lower_first(str(shape.member.serialization.get("name", name)))


def soap_name(member: str, shape: Shape) -> str:
    """What a member that is no list is printed as."""
    return lower_first(str(shape.serialization.get("name", member)))


def _soap_response(name: str, shape: StructureShape | None) -> Response:
    renamed = ec2_names.RENAMED.get(name, {})
    as_text = ec2_names.AS_TEXT.get(name, frozenset())
    result_of = None if shape is None else _result(name, shape, {})

    def write(result: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        printed: dict[str, Any] = {"requestId": request_id}
        if result_of is None:
            printed["_return"] = True
            return printed
        for key, value in result_of(result).items():
            key = renamed.get(key, key)
            printed["_return" if key == "return" else key] = str(value) if key in as_text else value
        if name in ec2_names.TRUE_TOO or len(printed) == 1:
            printed["_return"] = True
        return printed

    return write


def _result(operation: str, shape: StructureShape, known: dict[str, Writer]) -> Writer:
    """Writer of a structure of a result; `known` are those of the operation made before, because structures may be recursive."""
    if shape.name in known:
        return known[shape.name]
    members: dict[str, tuple[str, Writer | None]] = {}

    def write(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        printed: dict[str, Any] = {}
        for member, item in value.items():
            how = members.get(member)
            if how is not None and item is not None:
                name, writer = how
                printed[name] = item if writer is None else writer(item)
        return printed

    known[shape.name] = write
    for member, inner in shape.members.items():
        if inner.type_name != "blob":
            name = lower_first(str(inner.serialization.get("name", member)))
            instead = secrets.treatment("ec2", shape.name, member, inner)
            members[member] = (name, _constant(instead) if instead else _result_value(operation, name, inner, known))
    return write


def _result_value(operation: str, name: str, shape: Shape, known: dict[str, Writer]) -> Writer | None:
    if isinstance(shape, StructureShape):
        return _result(operation, shape, known)
    if isinstance(shape, ListShape):
        item = _result_value(operation, name, shape.member, known)
        key = "item" if (operation, name) in ec2_names.RESULT_ITEM_KEYS else "items"
        return lambda items: {key: list(items) if item is None else [item(entry) for entry in items]} if items else {}
    return milliseconds if shape.type_name == "timestamp" else None


def _constant(text: str) -> Writer:
    return lambda value: text


Special = Callable[[Mapping[str, Any]], tuple[dict[str, Any], dict[str, Any]]]
"""Of the parameters: those left to the ordinary rule, and what is printed already."""


def _run_instances(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    left = dict(parameters)
    item = {lower_first(key): left.pop(key) for key in ("ImageId", "MinCount", "MaxCount", "KeyName") if left.get(key) is not None}
    printed: dict[str, Any] = {"instancesSet": {"items": [item]}}
    placement = left.pop("Placement", None)
    if isinstance(placement, Mapping):
        printed.update({lower_first(key): value for key, value in placement.items() if isinstance(value, str | int)})
    return left, printed


def _launch_permission(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    left = dict(parameters)
    printed: dict[str, Any] = {}
    if "LaunchPermission" in left or left.get("Attribute") == "launchPermission":
        printed["attributeType"] = "launchPermission"
        printed.update(_by_operation(left, "launchPermission"))
    return left, printed


def _volume_permission(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    left = dict(parameters)
    return left, {"attributeType": "CREATE_VOLUME_PERMISSION", **_by_operation(left, "createVolumePermission")}


def _by_operation(left: dict[str, Any], name: str) -> dict[str, Any]:
    """The older way to say whom to add or remove: `OperationType` with lists of users and groups."""
    users, groups = left.pop("UserIds", None) or (), left.pop("UserGroups", None) or left.pop("GroupNames", None) or ()
    if not users and not groups:
        return {}
    items = [*({"userId": user} for user in users), *({"group": group} for group in groups)]
    return {name: {left.get("OperationType") or "add": {"items": items}}}


def _instance_attribute(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    left = dict(parameters)
    printed: dict[str, Any] = {}
    if "UserData" in left:
        del left["UserData"]
        printed["userData"] = secrets.REMOVED
    if "Value" in left and str(left.get("Attribute")) == "userData":
        left["Value"] = secrets.REMOVED
    return left, printed


_SPECIAL: dict[str, Special] = {
    "ModifyImageAttribute": _launch_permission,
    "ModifyInstanceAttribute": _instance_attribute,
    "ModifySnapshotAttribute": _volume_permission,
    "RunInstances": _run_instances,
}
