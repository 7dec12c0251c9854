"""botocore for verbs: clients, and the keys that profiles, roles and the like give. Imported only when one of these is wanted."""

from __future__ import annotations

from typing import Any

import botocore.session
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError

from opentrail.cli.failures import CallFailed


def client(
    service: str, *, region: str, endpoint: str, access_key_id: str | None, secret_access_key: str | None, ca_bundle: str | None = None
) -> Any:
    """A botocore client; without keys it finds them where the AWS CLI would."""
    return botocore.session.get_session().create_client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
        verify=ca_bundle,
        config=Config(max_pool_connections=64, retries={"total_max_attempts": 2}, user_agent_extra="opentrail-cli"),
    )


def credentials() -> Credentials:
    """The keys that the AWS CLI would use; some of them expire and are renewed by themselves. Raises `CallFailed`."""
    try:
        found = botocore.session.get_session().get_credentials()
    except BotoCoreError as error:
        raise CallFailed(str(error)) from error
    if found is None:
        raise CallFailed("Unable to locate credentials")
    return found
