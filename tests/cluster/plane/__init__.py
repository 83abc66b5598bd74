"""A real Kubernetes control plane as plain local processes, without containers; see the README beside this package."""
