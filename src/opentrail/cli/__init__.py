"""The `opentrail` command: one module per verb, loaded when it is asked for (`validate` need not wait for what `serve` imports)."""

from __future__ import annotations

import gc
import importlib
import sys

from opentrail.errors import OpenTrailError


def main() -> None:
    """Run the command line; what a person can mend is told in one line, with exit code 2."""
    try:
        if sys.argv[1:2] == ["validate"]:  # scripts run it often: it does without typer, whose start takes longer than its work
            gc.disable()  # until all is imported: what that makes is no garbage, and looking for some takes a tenth of the run
            importlib.import_module("opentrail.cli.validate").main(sys.argv[2:])
        else:
            importlib.import_module("opentrail.cli.verbs").main(sys.argv[1:])
    except OpenTrailError as error:
        print(f"opentrail: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(141) from None
