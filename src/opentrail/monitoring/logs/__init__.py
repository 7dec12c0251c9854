"""Log groups, their streams and events. `control`, `putting`, `reading` are what the service does; `reader` is for those who follow."""
