"""Log groups, metric filters, metrics and alarms: CloudWatch of our own."""
