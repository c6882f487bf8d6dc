"""What the operator tunes: one TOML file, overridden by environment variables.

`settings` describes, `sources` reads, `load` joins both and tells every problem at once, `render` writes the commented example
and what is in force. Nothing here starts anything. This file imports nothing, so that `healthcheck` stays cheap.
"""
