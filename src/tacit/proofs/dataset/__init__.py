"""A set of rows that statements are about: committed once (`commitment`, `secret`), or public (`public`)."""
