"""A generator without a network: it says the words of its prompt again, one a token, by the engine's own interface."""

import threading
import time

from workaday_server import ClientError, Overloaded
from workaday_server.generation.requests import Generation, Piece, Sampling
from workaday_server.generation.stats import Stats


class Engine:
    def __init__(self, generator, places):
        self.generator = generator
        self.places = places
        self.running = 0
        self.cancelled = 0
        self.stats = Stats(0)

    @property
    def in_flight(self):
        return self.running

    def stuck(self, seconds):
        return False

    async def drained(self, seconds):
        return True

    async def enqueue(self, request, deadline=None, begin_by=None):
        if request.prompt == "too long":
            raise ClientError("the prompt is 9000 tokens long; at most 1024 are taken")
        if self.running >= self.places:
            raise Overloaded("model writer has 2 requests waiting already", retry_after=7)
        words = request.prompt.split() if isinstance(request.prompt, str) else list(map(str, request.prompt))
        generation = Generation(len(words), self.cancel)
        self.running += 1
        threading.Thread(target=self.write, args=(generation, words, request.sampling), daemon=True).start()
        return generation

    def cancel(self):
        self.cancelled += 1

    def write(self, generation, words, sampling):
        limit = sampling.max_tokens or 1000
        seed = [] if sampling.seed is None else [f"seed-{sampling.seed}"]
        written = 0
        for word in [*seed, *words]:
            if generation.cancelled or written == limit or word in sampling.stop:
                break
            if word == "hang":
                time.sleep(0.5)
            if word == "forever":
                while not generation.cancelled:
                    generation.put(Piece("on ", 1, None))
                    time.sleep(0.01)
            if word == "break":
                generation.put(RuntimeError("secret: the tokenizer's path"))
            written += 1
            generation.put(Piece(f"{word} ", 1, None))
        finish = "length" if written == limit else "stop"
        self.running -= 1
        generation.put(Piece("", 0, finish))


class Predictor:
    def __init__(self, config):
        self.sampling = Sampling(**config.get("sampling", {}))
        self.places = config.get("places", 1000)

    def load(self, path):
        return None

    def start_engine(self, loaded, config):
        self.engine = Engine(self, self.places)

    def chat_prompt(self, messages):
        return " ".join(f"{each['role']}: {each['content']}" for each in messages)

    def predict(self, payload):
        return {"running": self.engine.running, "cancelled": self.engine.cancelled}
