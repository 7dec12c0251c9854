"""The things of an account that calls are about, as words for the templates of `calls`. Pure."""

from __future__ import annotations

from random import Random
from typing import Final

from opentrail.lake.sample.cast import unique

_WORDS: Final = ("orders", "invoices", "customers", "catalog", "reports", "shipping", "billing", "search", "sessions", "uploads")
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def scene(random: Random, account_id: str, region: str) -> dict[str, str]:
    """Words for the templates: the things of an account in a Region that a call is about, and chance ones."""
    own = random.randrange(100)
    word = _WORDS[own % 10]
    bits = f"{random.getrandbits(160):040x}"
    role = ("AppServer", "DataPipeline", "Deployer")[own % 3]
    return {
        "account": account_id,
        "region": region,
        "word": word,
        "bucket": f"example-{word}-{region}-{account_id[:4]}",
        "key": f"{word}/{bits[:2]}/{bits[2:14]}.parquet",
        "table": _WORDS[own // 10],
        "function": f"arn:aws:lambda:{region}:{account_id}:function:{word}",
        "secret": f"{word}/{_WORDS[own // 10]}/password",
        "role": role,
        "roleid": unique(random, "AROA", account_id, role),
        "kms": f"arn:aws:kms:{region}:{account_id}:key/{own:08x}-0000-4000-8000-{account_id}",
        "instance": f"i-0{bits[:16]}",
        "image": f"ami-0{own:016x}",
        "volume": f"vol-0{bits[4:20]}",
        "group": f"sg-0{own:016x}",
        "subnet": f"subnet-0{own % 6:016x}",
        "vpc": f"vpc-0{own % 2:016x}",
        "hex": bits[:16],
        "number": str(int(bits[:3], 16)),
        "letters": "".join(_LETTERS[int(digit, 16) * 2] for digit in bits[:9]),
        "id2": f"EXAMPLE{bits}=",
        "ip": f"10-0-3-{own}",
    }
