"""seldon_core.proto.prediction_pb2 is ours under that name."""

import sys

from microservice.protocol import prediction_pb2

sys.modules[__name__] = prediction_pb2
