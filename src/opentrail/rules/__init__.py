"""Event buses, event patterns, rules and targets: EventBridge of our own."""
