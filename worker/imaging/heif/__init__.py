"""HEIC and HEIF files: checks of the header, the binding to libheif, and a plug-in for Pillow."""
