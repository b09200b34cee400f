"""What several machines share through Redis; imported only where REDIS_URL is set."""
