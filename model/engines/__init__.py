"""One folder an engine, all behind the protocol in `model.engines.protocol`."""
