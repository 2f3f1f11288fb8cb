"""The version of nemorun: read by the build, the record and `nemorun --version`."""

__version__ = "0.1.0"
