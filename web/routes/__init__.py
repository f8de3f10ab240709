"""The pages and the REST routes, one file for each thing they are about."""
