"""The same for MLServer, which has a class of its own to derive from."""

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Identity(MLModel):
    """Answers what it is given."""

    async def load(self):
        """Nothing to load."""
        return True

    async def predict(self, payload):
        """Return the array."""
        rows = self.decode(payload.inputs[0], default_codec=NumpyCodec)
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("output-0", rows)])
