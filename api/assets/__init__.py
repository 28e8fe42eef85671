"""Assets: stored images that pipelines use."""
