"""Language models by their names. The only place that knows the SDKs of providers."""
