"""The pages of the documentation site that are made at build time: from the recipe's models and the programs."""
