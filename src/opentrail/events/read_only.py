"""`readOnly`: does the call change anything? (`spec/records.md` §7)

Services decide by themselves; most follow their operations' first word. The words of `READING_WORDS` and `CHANGING_WORDS` decide for every
operation that starts with them; `read_only_operations` holds a decision for each operation whose first word says neither, and for those
that do not do what their first word says. A test goes through all operations of all of botocore's services: each has a decision.
"""

from __future__ import annotations

import re
from functools import lru_cache

from opentrail.events.read_only_operations import CHANGING, READING

_READING = """
    Analyze Autocomplete Calculate Check Classify Compare Contains Count Describe Detect Discover Estimate Filter Geocode Get Head Infer
    Is List Lookup Preview Query Read Recognize Scan Search Select Simulate Suggest Test Validate View
"""
READING_WORDS = frozenset(_READING.split())
"""First words of operations without effect."""

_CHANGING = """
    Abort Accept Acknowledge Acquire Activate Add Advertise Allocate Allow Amend Apply Approve Archive Assign Associate Attach Authorize
    Backtrack Begin Build Bulk Bundle Cancel Change Channel Checkout Checkpoint Claim Clear Clone Close Commit Complete Compose
    Configure Confirm Connect Continue Convert Copy Create Deactivate Deauthorize Decline Decrease Define Delete Deny Deploy Deprecate
    Deprovision Deregister Detach Disable Disallow Disassociate Discard Disconnect Dismiss Dispose Dissociate Distribute Drain Enable
    End Enter Evict Exchange Execute Exit Expire Extend Failover Finalize Flush Forget Forgot Global Grant Group Import Increase Index
    Ingest Initialize Initiate Insert Install Invalidate Invite Issue Join Label Launch Leave Link Lock Logout Manage Mark Merge Meter
    Migrate Modify Monitor Move Notify Open Opt Override Pause Peer Populate Post Promote Provide Provision Publish Purchase Purge Push
    Put Reboot Rebalance Rebuild Recall Record Redact Redeem Redrive Refresh Regenerate Register Reimport Reinvite Reject Release Reload
    Remove Rename Renew Reorder Replace Replicate Report Request Resend Reserve Reset Resize Respond Restart Restore Resume Resync
    Retire Retry Return Revoke Rollback Rotate Run Save Schedule Send Set Setup Share Shrink Shutdown Signal Skip Split Start Stop
    Submit Subscribe Suspend Swap Switchover Sync Synchronize Tag Take Terminate Toggle Transfer Unarchive Unassign Undeprecate Undeploy
    Ungroup Unlabel Unlink Unlock Unmonitor Unpeer Unregister Unshare Unsubscribe Unsuspend Untag Update Upgrade Upload Vote Withdraw
    Write
"""
CHANGING_WORDS = frozenset(_CHANGING.split())
"""First words of operations with an effect."""

_WORDS = re.compile(r"(?:Batch|Admin)?([A-Z][a-z]*)")
"""The word that decides: the second one of `BatchGetImage` and `AdminGetUser`."""


def decided(event_source: str, event_name: str) -> bool | None:
    """Whether the event `event_name` of `event_source` is without effect; `None` where neither table nor word says so."""
    source = event_source.removesuffix(".amazonaws.com")
    if event_name in READING.get(source, ()):
        return True
    if event_name in CHANGING.get(source, ()):
        return False
    words = _WORDS.match(event_name)
    if words is None:
        return None
    return True if words[1] in READING_WORDS else False if words[1] in CHANGING_WORDS else None


@lru_cache(maxsize=8192)
def read_only(event_source: str, event_name: str) -> bool:
    """Whether the event `event_name` of `event_source` (`iam.amazonaws.com`) is without effect. What nobody knows counts as a change."""
    return bool(decided(event_source, event_name))
