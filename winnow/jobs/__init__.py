"""The job protocol on SQL: one file and one function per transition; docs/states.md draws the machine.

Every function takes a connection inside a transaction of `winnow.db.engine.Database` and never commits. Lock order
everywhere: one job, then units by key, then what belongs to them.
"""
