"""What a project means: every default, name, size and placement made explicit."""
