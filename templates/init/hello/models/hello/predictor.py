"""Guess the language of a text: small enough to train while it loads, real enough to be wrong sometimes.

A predictor is a class with `__init__(config)`, called once, and `predict(payload)`, called for every request.
"""

import torch
from torch import nn

from workaday_server import ClientError

SAMPLES = {
    "english": "good morning how are you today | the weather is nice this week | where is the train station | "
    "thank you very much | i would like a cup of tea | see you tomorrow my friend | what time is it now",
    "french": "bonjour comment allez vous aujourd'hui | il fait beau cette semaine | où est la gare | "
    "merci beaucoup | je voudrais une tasse de thé | à demain mon ami | quelle heure est-il maintenant",
    "german": "guten morgen wie geht es dir heute | das wetter ist schön diese woche | wo ist der bahnhof | "
    "vielen dank | ich möchte eine tasse tee | bis morgen mein freund | wie spät ist es jetzt",
    "spanish": "buenos días cómo estás hoy | hace buen tiempo esta semana | dónde está la estación de tren | "
    "muchas gracias | quisiera una taza de té | hasta mañana mi amigo | qué hora es ahora",
    "italian": "buongiorno come stai oggi | questa settimana fa bel tempo | dov'è la stazione del treno | "
    "grazie mille | vorrei una tazza di tè | a domani amico mio | che ore sono adesso",
}
BUCKETS = 4096


class Predictor:
    """Character trigrams, hashed, into one linear layer."""

    # What `workaday predict hello` sends, and the curl line that `workaday apply` prints.
    example = {"text": "guten Abend, mein Freund"}

    def __init__(self, config):
        torch.manual_seed(0)
        self.languages = sorted(SAMPLES)
        pairs = [(text, self.languages.index(lang)) for lang, lines in SAMPLES.items() for text in lines.split("|")]
        inputs = torch.stack([features(text) for text, _ in pairs])
        wanted = torch.tensor([label for _, label in pairs])
        self.model = nn.Linear(BUCKETS, len(self.languages))
        optimizer = torch.optim.Adam(self.model.parameters(), lr=0.02)
        for _ in range(config.get("epochs", 60)):
            optimizer.zero_grad()
            nn.functional.cross_entropy(self.model(inputs), wanted).backward()
            optimizer.step()

    @torch.inference_mode()
    def predict(self, payload):
        """Take {"text": "..."}; answer {"language": "...", "confidence": 0.0-1.0}."""
        text = payload.get("text") if isinstance(payload, dict) else None
        if not isinstance(text, str) or not text.strip():
            raise ClientError('send {"text": "..."}')
        chances = self.model(features(text)).softmax(-1)
        best = int(chances.argmax())
        return {"language": self.languages[best], "confidence": round(float(chances[best]), 3)}


def features(text):
    """Return how often each hashed trigram occurs, as a vector of length 1."""
    padded = f"  {text.lower().strip()}  "
    vector = torch.zeros(BUCKETS)
    for start in range(len(padded) - 2):
        code = 0
        for letter in padded[start : start + 3]:
            code = code * 31 + ord(letter)  # hash() differs from one Python process to the next
        vector[code % BUCKETS] += 1
    return nn.functional.normalize(vector, dim=0)
