"""Key ids, ARNs and aliases: what can be a name, and whose."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.kms.faults import InvalidArnException, NotFoundException
from opentrail.kms.names import check_alias, check_grant_id, check_principal, reference
from opentrail.wire.faults import Fault

ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
ACCOUNT, OTHER, REGION = "123456789012", "444455556666", "us-east-1"


def refused(text: str, *, aliases: bool = True) -> str:
    with pytest.raises(Fault) as fault:
        reference(text, ACCOUNT, REGION, aliases=aliases)
    return fault.value.code


@pytest.mark.parametrize(
    ("text", "arn"),
    [
        (ID, f"arn:aws:kms:us-east-1:123456789012:key/{ID}"),
        (f"arn:aws:kms:us-east-1:444455556666:key/{ID}", f"arn:aws:kms:us-east-1:444455556666:key/{ID}"),
        ("alias/app/data_1-x", "arn:aws:kms:us-east-1:123456789012:alias/app/data_1-x"),
        ("arn:aws:kms:us-east-1:444455556666:alias/theirs", "arn:aws:kms:us-east-1:444455556666:alias/theirs"),
    ],
)
def test_keys_are_named_by_id_arn_alias_or_alias_arn(text: str, arn: str) -> None:
    named = reference(text, ACCOUNT, REGION)
    assert named.arn == arn
    assert (named.key_id is None) != (named.alias is None)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("unknown", "NotFoundException"),
        (ID.upper(), "NotFoundException"),
        (f"key/{ID}", "NotFoundException"),
        (f"{ID}\n", "NotFoundException"),
        ("alias/", "NotFoundException"),
        ("alias/a b", "NotFoundException"),
        (f"arn:aws:kms:eu-west-1:123456789012:key/{ID}", "NotFoundException"),
        (f"arn:aws:kms:us-east-1:123456789012:key/{ID}x", "NotFoundException"),
        ("arn:", "InvalidArnException"),
        ("arn:aws:kms:us-east-1:123456789012", "InvalidArnException"),
        (f"arn:aws:kms:us-east-1:1234:key/{ID}", "InvalidArnException"),
        (f"arn:aws:s3:us-east-1:123456789012:key/{ID}", "InvalidArnException"),
        (f"arn:other:kms:us-east-1:123456789012:key/{ID}", "InvalidArnException"),
        ("arn:aws:kms:us-east-1:123456789012:grant/x", "InvalidArnException"),
    ],
)
def test_what_is_no_name_is_refused(text: str, code: str) -> None:
    assert refused(text) == code


def test_where_only_keys_are_taken_aliases_are_not() -> None:
    assert refused("alias/a", aliases=False) == "NotFoundException"
    assert refused("arn:aws:kms:us-east-1:123456789012:alias/a", aliases=False) == "InvalidArnException"


@given(st.text(max_size=60) | st.text(max_size=40).map(lambda text: "arn:aws:kms:us-east-1:" + text))
def test_any_text_is_a_name_or_refused_by_a_fault(text: str) -> None:
    with suppress(NotFoundException, InvalidArnException):
        reference(text, ACCOUNT, REGION)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("data", "ValidationException"),
        ("alias/", "ValidationException"),
        ("alias/a:b", "ValidationException"),
        ("alias/aws/s3", "InvalidAliasNameException"),
        ("alias/aws/mine", "InvalidAliasNameException"),
    ],
)
def test_aliases_that_nobody_may_make(name: str, code: str) -> None:
    with pytest.raises(Fault) as fault:
        check_alias(name)
    assert fault.value.code == code


def test_aliases_that_only_look_reserved() -> None:
    for name in ("alias/aws", "alias/awsome", "alias/my/aws/key"):
        check_alias(name)


@pytest.mark.parametrize(
    ("arn", "valid"),
    [
        ("arn:aws:iam::123456789012:root", True),
        ("arn:aws:iam::123456789012:user/path/ana", True),
        ("arn:aws:iam::123456789012:role/r", True),
        ("arn:aws:sts::123456789012:assumed-role/r/session", True),
        ("arn:aws:sts::123456789012:federated-user/f", True),
        ("arn:aws:iam::123456789012:group/g", False),
        ("arn:aws:iam::123456789012:user/", False),
        ("123456789012", False),
        ("cloudtrail.amazonaws.com", False),
    ],
)
def test_grants_are_for_principals(arn: str, valid: bool) -> None:
    if valid:
        check_principal(arn)
    else:
        with pytest.raises(Fault, match="InvalidArnException"):
            check_principal(arn)


def test_grant_ids_have_64_digits() -> None:
    check_grant_id("0" * 64)
    for wrong in ("", "0" * 63, "G" * 64, "0" * 64 + "\n"):
        with pytest.raises(Fault, match="InvalidGrantIdException"):
            check_grant_id(wrong)
