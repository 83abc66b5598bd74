"""Pipelines: a graph of steps, each a call of a model in this process or over HTTP, answered as one."""
