"""The command line: `towpath NOUN VERB`. Data to standard output, messages to standard error."""

from towpath.cli.main import main

__all__ = ["main"]
