"""seldon_core.proto.prediction_pb2_grpc is ours under that name."""

import sys

from microservice.protocol import prediction_pb2_grpc

sys.modules[__name__] = prediction_pb2_grpc
