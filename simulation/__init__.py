"""A discrete-event simulation of Safelight on AWS. It makes no AWS calls. See ``simulation/README.md``."""
