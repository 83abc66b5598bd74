class StoryModel:
    def predict(self, payload):
        return payload
