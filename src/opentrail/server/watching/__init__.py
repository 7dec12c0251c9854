"""What the watch is made of: one module per subject."""
