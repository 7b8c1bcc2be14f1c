"""Probes, metrics, workers: what operators look at."""
