"""The lottery itself, on torch: data, networks, criteria, training, units."""
