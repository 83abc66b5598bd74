"""A project's door, as Envoy Gateway translates it and Envoy runs it."""
