"""Audit events from any program: `python examples/plain_client.py`."""

from __future__ import annotations

from opentrail.middleware import AuditClient, AuditEvent, Who


def main() -> None:
    client = AuditClient(source="nightly.example.com")
    for number in (17, 18):
        client.put(
            AuditEvent(
                name="ArchiveOrder",
                who=Who(principal_id="nightly-job", type="Service"),
                resource=f"order/{number}",
                parameters={"olderThanDays": 365},
            )
        )
    through = client.close()
    print(f"{client.figures.sent} events sent" if through else "OpenTrail is away: the events wait in the spool")


if __name__ == "__main__":
    main()
