"""What a file says about its colors, and color spaces without an ICC profile."""
