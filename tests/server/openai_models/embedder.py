"""Vectors that tell which text they are of: its length, and how many texts were computed together."""

import numpy as np

from workaday_server import ClientError


class Predictor:
    def __init__(self, config):
        self.answer = config.get("answer")

    def predict(self, payload):
        return "predicted"

    def predict_batch(self, payloads):
        return ["predicted"] * len(payloads)

    def after_predict(self, answer):
        return {"after": True}

    def embed(self, texts):
        if "bad" in texts:
            raise ClientError("bad is not a text that this model takes")
        if self.answer == "rubbish":
            return np.ones((1, 2))
        if self.answer == "few":
            return np.ones((1, 2)), [1]
        return np.array([[len(text), len(texts) + 0.5] for text in texts]), [len(text.split()) for text in texts]
