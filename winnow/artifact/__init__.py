"""Files: masks, weights, tickets, graphs, certificates, uploaded data sets. No torch."""
