"""Alarms: what is watched, in which state it is, and whom a change of state is told."""
