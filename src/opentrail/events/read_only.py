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
    # Words that read elsewhere: here something is begun, confirmed, executed or taken away (the services' own lists of actions: Write)
    "account.amazonaws.com": {"VerifyPhoneNumber": False},
    "backup-gateway.amazonaws.com": {"TestHypervisorConfiguration": False},
    "cloudformation.amazonaws.com": {"TestType": False},
    "cloudfront.amazonaws.com": {"TestConnectionFunction": False, "TestFunction": False},
    "codecommit.amazonaws.com": {"TestRepositoryTriggers": False},
    "codepipeline.amazonaws.com": {"PollForJobs": False, "PollForThirdPartyJobs": False},
    "cognito-idp.amazonaws.com": {"VerifySoftwareToken": False, "VerifyUserAttribute": False},
    "datapipeline.amazonaws.com": {"PollForTask": False},
    "ds.amazonaws.com": {"VerifyTrust": False},
    "elasticache.amazonaws.com": {"TestFailover": False, "TestMigration": False},
    "glue.amazonaws.com": {"TestConnection": False},
    "iotwireless.amazonaws.com": {"TestWirelessDevice": False},
    "license-manager.amazonaws.com": {"CheckInLicense": False},
    "lightsail.amazonaws.com": {"TestAlarm": False},
    "mobiletargeting.amazonaws.com": {"VerifyOTPMessage": False},
    "securityagent.amazonaws.com": {"VerifyTargetDomain": False},
    "ses.amazonaws.com": {
        "VerifyDomainDkim": False, "VerifyDomainIdentity": False, "VerifyEmailAddress": False, "VerifyEmailIdentity": False,
    },
    "sms-voice.amazonaws.com": {"VerifyDestinationNumber": False},
    "sns.amazonaws.com": {"VerifySMSSandboxPhoneNumber": False},
    "states.amazonaws.com": {"TestState": False},
    "storagegateway.amazonaws.com": {"RetrieveTapeArchive": False, "RetrieveTapeRecoveryPoint": False},
    "apigateway.amazonaws.com": {"TestInvokeMethod": False, "TestInvokeAuthorizer": False},
    # By meaning
    "ssm.amazonaws.com": {"GetDeployablePatchSnapshotForInstance": True},
    "logs.amazonaws.com": {"TestTransformer": True},
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
