"""Building and running OpenTrail: `folder` (where things lie), `front` and `followers` (the two roles), `supervisor` (keeps them up)."""
