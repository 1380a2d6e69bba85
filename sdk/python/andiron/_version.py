"""The version of the package; it goes to the worker with Hello."""

__version__ = "0.1.0"
