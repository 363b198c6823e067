"""A model's commitment: what is public of it (`commitment`), and what its owner keeps (`secret`)."""
