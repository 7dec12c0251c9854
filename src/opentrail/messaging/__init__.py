"""Topics, subscriptions and queues (reference of neighbours, §3-§4): SNS and SQS of our own, durable."""
