"""`readOnly`: does the call change anything? (`spec/records.md` §7)

Services decide by themselves; most follow their operations' first word. `EXCEPTIONS` holds what does not. "seen" marks what delivered
files show, "documented" what a service's own CloudTrail page shows, "by meaning" what neither says.
"""

from __future__ import annotations

from functools import lru_cache

READING_WORDS = (
    "Get", "Describe", "List", "Lookup", "Head", "Search", "Check", "BatchGet", "Query", "Scan", "BatchDescribe", "BatchList",
    "BatchCheck", "Filter", "Test", "Validate", "Simulate", "Estimate", "Preview", "Select", "View", "Discover", "Is", "Poll",
    "Retrieve", "Verify",
)  # fmt: skip
"""First words of operations without effect."""

EXCEPTIONS: dict[str, dict[str, bool]] = {
    # KMS: cryptographic use of a key reads (seen: Encrypt, Decrypt, GenerateDataKey; documented: the others)
    "kms.amazonaws.com": dict.fromkeys(
        (
            "Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair",
            "GenerateDataKeyPairWithoutPlaintext", "GenerateRandom", "GenerateMac", "VerifyMac", "Sign", "Verify", "DeriveSharedSecret",
        ),
        True,
    ),
    # STS (spec; seen: AssumeRole)
    "sts.amazonaws.com": {
        "AssumeRole": True, "AssumeRoleWithSAML": True, "AssumeRoleWithWebIdentity": True, "GetSessionToken": False,
        "GetFederationToken": False, "AssumeRoot": False, "DecodeAuthorizationMessage": True,
    },
    # Sign-in (seen)
    "signin.amazonaws.com": {"ConsoleLogin": False, "CheckMfa": False, "GetSigninToken": False},
    # Bedrock: asking a model is a read (documented)
    "bedrock.amazonaws.com": {"InvokeModel": True, "InvokeModelWithResponseStream": True, "Converse": True, "ConverseStream": True},
    # Asking for texts, faces, prices: reads by meaning
    "comprehend.amazonaws.com": {"DetectSentiment": True, "DetectEntities": True, "DetectKeyPhrases": True, "DetectSyntax": True},
    # A test run executes what it tests (by meaning)
    "codebuild.amazonaws.com": {"InvalidateProjectCache": False},
    "ssm.amazonaws.com": {"GetDeployablePatchSnapshotForInstance": True},
    "logs.amazonaws.com": {"TestTransformer": True},
    "apigateway.amazonaws.com": {"TestInvokeMethod": False, "TestInvokeAuthorizer": False},
    "rds.amazonaws.com": {"DownloadDBLogFilePortion": True},
    "sqs.amazonaws.com": {"ReceiveMessage": True},
    "dynamodb.amazonaws.com": {"TransactGetItems": True},
}  # fmt: skip


@lru_cache(maxsize=8192)
def read_only(event_source: str, event_name: str) -> bool:
    """Whether the event `event_name` of `event_source` (`iam.amazonaws.com`) is without effect."""
    exception = EXCEPTIONS.get(event_source, {}).get(event_name)
    if exception is not None:
        return exception
    for word in READING_WORDS:
        if event_name.startswith(word):
            following = event_name[len(word) : len(word) + 1]
            # "CheckoutLicense" is no check: the word must end there
            if not following.islower():
                return True
    return False
