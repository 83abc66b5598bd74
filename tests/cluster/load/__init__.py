"""Load on models of the plane: a client, a real proxy and Prometheus, nodes that a cloud takes away."""
