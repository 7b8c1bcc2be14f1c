"""The API: HTTP in, rows out. No torch."""
