"""Receipt handles: nobody makes one up, changes one, or uses one of another queue."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.messaging.queues.faults import ReceiptHandleIsInvalid
from opentrail.messaging.queues.handles import Handles, Receipt

HANDLES = Handles(b"secret")
RECEIPTS = st.builds(Receipt, st.integers(0, 2**63), st.integers(0, 2**63), st.integers(0, 2**31))


@given(RECEIPTS)
def test_a_handle_leads_back_to_its_receipt(receipt: Receipt) -> None:
    assert HANDLES.read(HANDLES.make(receipt), receipt.queue) == receipt


@given(st.text(max_size=80) | st.from_regex(r"[A-Za-z0-9_-]{48}", fullmatch=True))
def test_what_was_not_given_out_is_no_handle(text: str) -> None:
    with pytest.raises(ReceiptHandleIsInvalid):
        HANDLES.read(text, 1)


@given(RECEIPTS, st.integers(0, 36 * 8 - 1))
def test_a_handle_with_one_bit_changed_is_none(receipt: Receipt, bit: int) -> None:
    octets = bytearray(base64.urlsafe_b64decode(HANDLES.make(receipt)))
    octets[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ReceiptHandleIsInvalid):
        HANDLES.read(base64.urlsafe_b64encode(octets).decode(), receipt.queue)


def test_a_handle_is_good_for_its_queue_and_folder_only() -> None:
    handle = HANDLES.make(Receipt(1, 2, 3))
    for other, queue in ((HANDLES, 2), (Handles(b"other"), 1)):
        with pytest.raises(ReceiptHandleIsInvalid):
            other.read(handle, queue)
    with pytest.raises(ReceiptHandleIsInvalid):
        HANDLES.read(handle + "=", 1)
