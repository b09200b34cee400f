"""seldon_core.batch_processor: the command that puts a file of messages through a deployment."""

from microservice.client.batch import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
