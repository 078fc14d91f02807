"""schemad beside general job queues whose handlers do the same work, and beside a worker that polls."""
