"""Call and error rates, their baselines, and the Insights events that tell when a rate is unusual."""
