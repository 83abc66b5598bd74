"""What a project will cost and do, worked out before anything runs. Pure."""
