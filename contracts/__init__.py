"""The public interfaces of Extrato: events, envelope, subjects, REST bodies, documents and frames."""

# The only place of the version: pyproject.toml, the generated documents, the command line and the bill of materials
# read it here, because a checkout that is not installed has no package metadata.
__version__ = "0.2.0"
