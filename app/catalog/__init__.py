"""What can be asked for: architectures and criteria."""
