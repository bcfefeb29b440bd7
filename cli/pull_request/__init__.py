"""A change of stacks as a pull request shows it: previewed, compared, and told in one comment."""
