"""Jobs: taken in, shown, followed, cancelled."""
