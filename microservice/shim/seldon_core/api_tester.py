"""seldon_core.api_tester: the command that asks a deployment with random batches."""

from microservice.client.testers import test_api as main

__all__ = ["main"]

if __name__ == "__main__":
    main()
