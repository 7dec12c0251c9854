"""Metrics: what was measured, by minute and second, and the statistics of it."""
