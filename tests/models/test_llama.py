"""The Llama network and the generation loop, on a tiny network with random weights."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def llama():
    import llama

    return llama


@pytest.fixture(scope="module")
def generation():
    import generation

    return generation


@pytest.fixture(scope="module")
def model(llama):
    config = llama.LlamaConfig(
        layers=2,
        hidden=24,
        intermediate=40,
        heads=6,
        kv_heads=2,
        vocabulary=50,
        context=64,
        rope_base=10_000.0,
        rms_epsilon=1e-5,
    )
    torch.manual_seed(7)
    model = llama.Llama(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model.requires_grad_(False).eval()


prompts = st.lists(st.lists(st.integers(0, 49), min_size=1, max_size=9), min_size=1, max_size=6)


def last_logits(llama, model, tokens):
    cache = llama.KVCache.allocate(model.config, 1, len(tokens))
    return model(torch.tensor([tokens]), torch.zeros(1, dtype=torch.long), cache)[0]


@given(st.lists(st.integers(0, 49), min_size=2, max_size=12), st.data())
@settings(max_examples=25, deadline=None)
def test_the_cache_changes_nothing(llama, model, tokens, data):
    cut = data.draw(st.integers(1, len(tokens) - 1))
    cache = llama.KVCache.allocate(model.config, 1, len(tokens) + 3)
    model(torch.tensor([tokens[:cut]]), torch.tensor([0]), cache)
    continued = model(torch.tensor([tokens[cut:]]), torch.tensor([cut]), cache)[0]
    torch.testing.assert_close(continued, last_logits(llama, model, tokens), atol=1e-4, rtol=1e-4)


@given(prompts)
@settings(max_examples=25, deadline=None)
def test_rows_at_different_positions_do_not_disturb_each_other(llama, model, rows):
    cache = llama.KVCache.allocate(model.config, len(rows), 16)
    for index, row in enumerate(rows):
        model(torch.tensor([row]), torch.tensor([0]), cache.view(index, index + 1))
    together = model(torch.full((len(rows), 1), 5), torch.tensor([len(row) for row in rows]), cache)
    alone = torch.stack([last_logits(llama, model, [*row, 5]) for row in rows])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_a_token_sees_nothing_that_comes_after_it(llama, model):
    cache = llama.KVCache.allocate(model.config, 1, 8)
    cache.keys.fill_(100.0)
    cache.values.fill_(100.0)
    logits = model(torch.tensor([[1, 2, 3]]), torch.tensor([0]), cache)[0]
    torch.testing.assert_close(logits, last_logits(llama, model, [1, 2, 3]))


@given(prompts, st.lists(st.integers(1, 7), min_size=6, max_size=6))
@settings(max_examples=25, deadline=None)
def test_together_or_alone_the_answers_are_the_same(generation, model, rows, lengths):
    samplings = [generation.Sampling(max_new_tokens=length) for length in lengths[: len(rows)]]
    stop = {0, 1, 2}
    together = generation.generate(model, rows, samplings, stop)
    assert together == [
        generation.generate(model, [row], [sampling], stop)[0] for row, sampling in zip(rows, samplings, strict=True)
    ]
    for answer, sampling in zip(together, samplings, strict=True):
        assert len(answer) <= sampling.max_new_tokens
        assert not stop & set(answer)


def test_greedy_takes_the_likeliest_token_of_the_whole_text_so_far(llama, generation, model):
    tokens = [3, 4]
    for _ in range(8):
        tokens.append(int(last_logits(llama, model, tokens).argmax()))
    assert generation.generate(model, [[3, 4]], [generation.Sampling(max_new_tokens=8)], ()) == [tokens[2:]]


def test_answers_end_at_the_stop_token_or_the_limit(generation, model):
    unstopped = generation.generate(model, [[3, 4]], [generation.Sampling(max_new_tokens=6)], ())[0]
    assert len(unstopped) == 6
    stop = unstopped[3]
    stopped = generation.generate(model, [[3, 4]], [generation.Sampling(max_new_tokens=6)], {stop})[0]
    assert stopped == unstopped[: unstopped.index(stop)]


def test_a_seed_repeats_a_free_choice_and_none_does_not(generation, model):
    def answers(seed):
        sampling = generation.Sampling(max_new_tokens=12, temperature=1.5, seed=seed)
        return generation.generate(model, [[3, 4], [3, 4]], [sampling, sampling], ())

    first, second = answers(1)
    assert first == second == answers(1)[0]
    assert answers(2)[0] != first
    free = answers(None)
    assert free[0] != free[1]


def test_top_p_leaves_only_the_likeliest(generation):
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()

    def chosen(top_p):
        sampler = generation.Sampler(generation.Sampling(temperature=1.0, top_p=top_p, seed=3))
        return {sampler.choose(logits) for _ in range(300)}

    assert chosen(0.01) == {0}
    assert chosen(0.7) == {0, 1}
    assert chosen(1.0) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_new_tokens": 0}, "`max_new_tokens` must be a whole number from 1 to 4096, not 0"),
        ({"max_new_tokens": 1.5}, "`max_new_tokens` must be a whole number from 1 to 4096, not 1.5"),
        ({"max_new_tokens": True}, "`max_new_tokens` must be a whole number from 1 to 4096, not True"),
        ({"temperature": "hot"}, "`temperature` must be a number from 0 to 2, not 'hot'"),
        ({"temperature": float("nan")}, "`temperature` must be a number from 0 to 2, not nan"),
        ({"top_p": 0}, "`top_p` must be a number from 0.01 to 1, not 0"),
        ({"seed": -1}, "`seed` must be a whole number from 0 to 9223372036854775807, not -1"),
    ],
)
def test_sampling_out_of_range_is_named(generation, values, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        generation.Sampling(**values)
    assert str(error.value) == message
