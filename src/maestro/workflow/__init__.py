"""Durable execution: the pure scheduler and the engines that host it."""
