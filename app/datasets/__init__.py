"""Data sets: uploads on their way in, folders, what is known of each."""
