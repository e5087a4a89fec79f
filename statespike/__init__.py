"""The command line: every command parses its arguments, calls the packages, and prints."""
