"""How long Helm takes to render the chart of models."""
