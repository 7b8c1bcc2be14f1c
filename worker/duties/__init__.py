"""What a worker does beside its units, each in a thread of its own."""
