"""From the rules that matched to their targets: the outbox (`outbox`), who is served next (`lanes`), how often (`retrying`), by what means
(`carrier`), and the dispatcher that turns the wheel (`dispatcher`)."""
