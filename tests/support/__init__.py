"""Plain helpers for the tests: no fixtures, no assertions about the program."""
