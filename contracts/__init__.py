"""What Extrato promises to others: events, envelope, subjects, REST bodies, documents and frames."""

# The one place of the version: pyproject.toml, the generated documents, the command line and the bill of materials
# read it here. A checkout that is not installed has no package metadata to read.
__version__ = "0.2.0"
