"""Values that every part of Winnow speaks: specs, units, results, events, problems, catalog. No I/O."""
