"""seldon_core.microservice_tester: the command that asks a component with random batches."""

from microservice.client.testers import test_microservice as main

__all__ = ["main"]

if __name__ == "__main__":
    main()
