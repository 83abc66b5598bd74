"""The `workaday` command line."""
