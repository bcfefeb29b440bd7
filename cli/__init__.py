"""The `voltaic` command: one file a command."""
