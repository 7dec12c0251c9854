"""`python -m opentrail` is `opentrail`."""

from opentrail.cli import main

main()
