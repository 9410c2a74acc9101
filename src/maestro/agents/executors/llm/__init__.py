"""The executor that lets language models play personas."""
