"""Where files lie: a folder, S3, HDFS; one interface, publishing whole files only."""
