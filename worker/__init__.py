"""The worker: claim, supervise, commit. Torch lives in its child, the runner."""
