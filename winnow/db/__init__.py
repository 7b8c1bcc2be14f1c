"""Rows: the one metadata, sessions on SQLite and Postgres, the database's clock."""
