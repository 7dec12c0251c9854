"""Credential reports."""

from __future__ import annotations

from collections.abc import Mapping

from opentrail.api.call import Call, Result
from opentrail.api.iam.caller import Operation
from opentrail.identity import Identities


def generate_credential_report(identities: Identities, call: Call) -> Result:
    """GenerateCredentialReport: it is ready when this is answered."""
    identities.save_uses()
    if identities.credential_reports.generate(call.account_id):
        return {"State": "STARTED", "Description": "No report exists. Starting a new report generation task"}
    return {"State": "COMPLETE"}


def get_credential_report(identities: Identities, call: Call) -> Result:
    """GetCredentialReport"""
    report = identities.credential_reports.get(call.account_id)
    return {"Content": report.content, "ReportFormat": "text/csv", "GeneratedTime": report.made}


OPERATIONS: Mapping[str, Operation] = {
    "GenerateCredentialReport": generate_credential_report,
    "GetCredentialReport": get_credential_report,
}
