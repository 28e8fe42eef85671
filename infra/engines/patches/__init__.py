"""Changes to the embedded engine, each for one exact release."""
