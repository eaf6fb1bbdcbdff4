"""The archive: a generated town archive in LOFT's format, and the small model that reads it."""
