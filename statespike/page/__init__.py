"""A page about trained networks: one file of HTML that needs nothing else."""
