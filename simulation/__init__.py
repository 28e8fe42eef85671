"""A discrete-event simulation of Safelight on AWS. It makes no AWS calls; see ``simulation/README.md``."""
