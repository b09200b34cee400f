"""When jobs run by themselves: cron lines in configuration documents, each started once where it is due."""
