//! The front of the platform: TLS, routing and streaming, configured in a subset of nginx's syntax.
