"""Programs that ask a microservice or a gateway, as Seldon Core's own do: a client, two testers, batches."""
