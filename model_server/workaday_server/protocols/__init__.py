"""How requests become payloads and answers become responses, a module per protocol.

Each `decoder` returns the items that the predictor gets and a key that items of one batch must share; each `encoder`
turns the outcomes, in the same order, into the response. Both run in the model's threads.
"""
