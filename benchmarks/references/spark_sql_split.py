"""The same split by Spark SQL, as its users write it: text in, partitioned text out."""

from __future__ import annotations

import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, get_json_object, split


def main(source: str, target: str) -> None:
    """Read the day's files, write a folder per client."""
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
    lines = spark.read.text(source)
    found = lines.select(split(col("value"), "\t", 3)[2].alias("value"))
    by_client = found.withColumn("client", get_json_object(col("value"), "$.client"))
    by_client.write.partitionBy("client").option("compression", "gzip").text(target)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
