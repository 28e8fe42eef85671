"""Changes to the code of the embedded engine. Each change is for one exact release."""
