"""Keys of maps that people ask for again and again. Files of events have what the maps say under them as columns of their own.

The engine takes 200 ns for a row of a map, whatever is in it and however little of it is wanted, and 10 for a row of a text column. The
columns are not the table's (decision 0045): nobody sees them but the translation of `element_at(map, 'key')`. Data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from opentrail.lake.families import Family

_KEYS: Final = {
    "requestparameters": "bucketName dBInstanceIdentifier functionName groupId key keyId"
    " policyArn roleArn roleName secretId tableName userName",
    "responseelements": "ConsoleLogin",
    "additionaleventdata": "MFAUsed",
}

USUAL_KEYS: Final[Mapping[Family, Mapping[str, tuple[str, str]]]] = {
    Family.EVENTS: {f"{column}/{key}": (column, key) for column, keys in _KEYS.items() for key in keys.split()},
}
"""Hidden column → the column that is a map, and the key. Their names differ by more than case: engines do not tell cases apart."""

MARKS: Final[Mapping[Family, str]] = {
    family: f"k{hashlib.sha256(' '.join(keys).encode()).hexdigest()[:6]}-" for family, keys in USUAL_KEYS.items()
}
"""How the names of files begin that have just these columns; other engines, which may write files of a table, too, have none of them."""
