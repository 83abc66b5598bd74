class Predictor
    pass
