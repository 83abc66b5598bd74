"""The networks against a plain computation of the whole sequence, in numpy, from the published tensors."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_models import GPT2, LLAMA, published

from workaday_server.errors import ConfigError
from workaday_server.generation.scheduler import Sequence, Slice

torch = pytest.importorskip("torch")

from safetensors.numpy import load_file, save_file  # noqa: E402

from workaday_server.generation.attention import Cache, Step  # noqa: E402
from workaday_server.generation.formats import read_network  # noqa: E402
from workaday_server.generation.linears import Int8Linear, PackedLinear  # noqa: E402
from workaday_server.generation.requests import Sampling  # noqa: E402
from workaday_server.generation.sampling import Chooser, choose  # noqa: E402

CPU = torch.device("cpu")
TOKENS = [int(each) for each in np.random.default_rng(3).integers(0, 256, 40)]
SCALING = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
VARIANTS = {
    "llama": LLAMA,
    "untied": LLAMA | {"tie_word_embeddings": False},
    "llama3": LLAMA | {"rope_parameters": {"rope_theta": 500.0, **SCALING}},
    "qwen2": LLAMA | {"model_type": "qwen2", "use_sliding_window": False, "sliding_window": 4},
    "gpt2": GPT2,
}


def softmax(x: Any) -> Any:
    raised = np.exp(x - x.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def attention(query: Any, key: Any, value: Any) -> Any:
    """[heads, tokens, size] each; every token looks at itself and at those before."""
    scores = query @ key.transpose(0, 2, 1) / math.sqrt(query.shape[-1])
    scores[:, np.triu_indices(query.shape[1], 1)[0], np.triu_indices(query.shape[1], 1)[1]] = -np.inf
    return (softmax(scores) @ value).transpose(1, 0, 2).reshape(query.shape[1], -1)


def rotated(x: Any, config: dict[str, Any]) -> Any:
    """[heads, tokens, size], a pair of numbers being a complex one that is turned by its position."""
    size = x.shape[-1]
    rope = config.get("rope_parameters", config)
    frequencies = []
    for pair in range(size // 2):
        frequency = rope["rope_theta"] ** (-2 * pair / size)
        if "factor" in rope:
            wavelength = 2 * math.pi / frequency
            low = rope["original_max_position_embeddings"] / rope["low_freq_factor"]
            high = rope["original_max_position_embeddings"] / rope["high_freq_factor"]
            if wavelength > low:
                frequency /= rope["factor"]
            elif wavelength > high:
                smooth = rope["original_max_position_embeddings"] / wavelength - rope["low_freq_factor"]
                smooth /= rope["high_freq_factor"] - rope["low_freq_factor"]
                frequency = (1 - smooth) * frequency / rope["factor"] + smooth * frequency
        frequencies.append(frequency)
    turn = np.exp(1j * np.arange(x.shape[1])[:, None] * np.array(frequencies))
    pairs = (x[..., : size // 2] + 1j * x[..., size // 2 :]) * turn
    return np.concatenate([pairs.real, pairs.imag], -1)


def plain_llama(config: dict[str, Any], state: dict[str, Any], tokens: list[int]) -> Any:
    def norm(x: Any, name: str) -> Any:
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + config["rms_norm_eps"]) * state[name]

    heads, kv = config["num_attention_heads"], config["num_key_value_heads"]
    x = state["model.embed_tokens.weight"][tokens]
    for index in range(config["num_hidden_layers"]):
        at = f"model.layers.{index}"
        h = norm(x, f"{at}.input_layernorm.weight")
        q, k, v = (
            (h @ state[f"{at}.self_attn.{each}_proj.weight"].T + state.get(f"{at}.self_attn.{each}_proj.bias", 0))
            .reshape(len(tokens), count, -1)
            .transpose(1, 0, 2)
            for each, count in (("q", heads), ("k", kv), ("v", kv))
        )
        k, v = (np.repeat(each, heads // kv, 0) for each in (rotated(k, config), v))
        x = x + attention(rotated(q, config), k, v) @ state[f"{at}.self_attn.o_proj.weight"].T
        h = norm(x, f"{at}.post_attention_layernorm.weight")
        gate, up = (h @ state[f"{at}.mlp.{each}_proj.weight"].T for each in ("gate", "up"))
        x = x + (gate / (1 + np.exp(-gate)) * up) @ state[f"{at}.mlp.down_proj.weight"].T
    head = state.get("lm_head.weight", state["model.embed_tokens.weight"])
    return norm(x, "model.norm.weight") @ head.T


def plain_gpt2(config: dict[str, Any], state: dict[str, Any], tokens: list[int]) -> Any:
    def norm(x: Any, name: str) -> Any:
        centred = x - x.mean(-1, keepdims=True)
        spread = np.sqrt((centred * centred).mean(-1, keepdims=True) + 1e-5)
        return centred / spread * state[f"{name}.weight"] + state[f"{name}.bias"]

    def linear(x: Any, name: str) -> Any:
        return x @ state[f"{name}.weight"] + state[f"{name}.bias"]

    x = state["wte.weight"][tokens] + state["wpe.weight"][: len(tokens)]
    for index in range(config["n_layer"]):
        at = f"h.{index}"
        parts = np.split(linear(norm(x, f"{at}.ln_1"), f"{at}.attn.c_attn"), 3, -1)
        q, k, v = (each.reshape(len(tokens), config["n_head"], -1).transpose(1, 0, 2) for each in parts)
        x = x + linear(attention(q, k, v), f"{at}.attn.c_proj")
        h = linear(norm(x, f"{at}.ln_2"), f"{at}.mlp.c_fc")
        h = 0.5 * h * (1 + np.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h**3)))
        x = x + linear(h, f"{at}.mlp.c_proj")
    return norm(x, "ln_f") @ state["wte.weight"].T


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, Any]:
    """Return a network, and the logits [tokens, vocabulary] of the plain computation."""
    config = VARIANTS[request.param]
    folder = published(tmp_path / "model", config, seed=5)
    state = {name: each.astype(np.float64) for name, each in load_file(folder / "model.safetensors").items()}
    plain = plain_gpt2 if config["model_type"] == "gpt2" else plain_llama
    return read_network(folder, torch.float32, CPU), plain(config, state, TOKENS)


def logits(network: Any, steps: list[list[tuple[Sequence, int]]], **more: Any) -> list[Any]:
    """Compute steps of (sequence, tokens), and return what each gave."""
    cache = Cache(network.shape, 1024, torch.float32, CPU)
    cache.keys.fill_(float("nan"))  # what nobody has written must not count
    cache.values.fill_(float("nan"))
    found = []
    with torch.inference_mode():
        for parts in steps:
            slices = [Slice(sequence, sequence.computed, count) for sequence, count in parts]
            found.append(network(Step(slices, cache, CPU, **more)).numpy())
            for sequence, count in parts:
                sequence.computed += count
    return found


def sequence(count: int, span: int) -> Sequence:
    return Sequence(TOKENS[:count], count, len(TOKENS), span=span)


def test_a_prompt_at_once_and_in_parts(variant: tuple[Any, Any]) -> None:
    network, expected = variant
    [whole] = logits(network, [[(sequence(40, 16), 40)]])
    *_, parts = logits(network, [[(each, count)] for each in [sequence(40, 80)] for count in (7, 16, 16, 1)])
    assert np.abs(whole[0] - expected[-1]).max() < 1e-4 * np.abs(expected).max()
    assert np.abs(parts[0] - expected[-1]).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("together", [False, True])
def test_sequences_of_all_lengths_side_by_side(variant: tuple[Any, Any], together: bool) -> None:
    network, expected = variant
    rows = [sequence(count, 48 * index) for index, count in enumerate((3, 17, 32, 9))]
    begin = [[(each, len(each.tokens) - 1)] for each in rows]
    fresh = sequence(5, 400)
    *_, found = logits(network, [*begin, [*((each, 1) for each in rows), (fresh, 5)]], together=together)
    for row, each in zip(found, [*rows, fresh], strict=True):
        assert np.abs(row - expected[len(each.tokens) - 1]).max() < 1e-4 * np.abs(expected).max()


def test_int8_is_near_and_a_row_does_not_depend_on_the_others() -> None:
    torch.manual_seed(0)
    linear = torch.nn.Linear(64, 48).requires_grad_(False)
    quantized = Int8Linear(linear)
    x = torch.randn(9, 64) * torch.tensor([1e-3, 1, 1, 1, 1, 1, 1, 1, 1e3])[:, None]
    exact, near = linear(x), quantized(x)
    assert (near - exact).norm() < 0.02 * exact.norm()
    for row in range(9):
        assert torch.equal(quantized(x[row : row + 1])[0], near[row])
    assert torch.isfinite(quantized(torch.zeros(2, 64))).all()


@pytest.mark.parametrize("bias", [False, True])
def test_packed_is_the_same(bias: bool) -> None:
    torch.manual_seed(0)
    linear = torch.nn.Linear(64, 48, bias=bias).requires_grad_(False)
    for rows in (1, 7, 33):
        x = torch.randn(rows, 64)
        torch.testing.assert_close(PackedLinear(linear)(x), linear(x))


def test_choosing_follows_the_probabilities_and_top_p_cuts_the_unlikely() -> None:
    probabilities = torch.tensor([0.5, 0.3, 0.15, 0.05])
    row = probabilities.log()[None]

    def counts(**sampling: Any) -> list[float]:
        chooser = Chooser(Sampling(seed=1, **sampling))
        found = [choose(row, [chooser])[0] for _ in range(4000)]
        return [found.count(token) / 4000 for token in range(4)]

    assert counts() == pytest.approx(probabilities.tolist(), abs=0.03)
    assert counts(top_p=0.7) == pytest.approx([0.625, 0.375, 0, 0], abs=0.03)
    assert counts(top_p=0.01) == [1, 0, 0, 0]
    assert counts(temperature=0.5)[0] == pytest.approx(0.25 / 0.365, abs=0.03)
    assert counts(temperature=0) == [1, 0, 0, 0]


def test_top_p_over_more_tokens_than_are_sorted_at_first() -> None:
    flat = torch.zeros(1, 5000)
    chooser = Chooser(Sampling(seed=1, top_p=0.9))
    found = {choose(flat, [chooser])[0] for _ in range(200)}
    assert len(found) > 150


def test_numbers_that_are_not_finite_are_no_token() -> None:
    rows = torch.tensor([[0.0, 1.0], [float("nan"), 1.0], [float("inf"), 1.0]])
    assert choose(rows, [Chooser(Sampling(temperature=0))] * 3) == [1, None, None]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "mamba"}, "model_type 'mamba' is not known; known are llama, mistral, qwen2, gpt2"),
        ({"hidden_act": "relu"}, "hidden_act 'relu' is not computed; 'silu' is"),
        ({"attention_bias": True}, "attention_bias True is not computed"),
        ({"rope_scaling": {"type": "yarn"}}, "rotary positions of type 'yarn' are not computed"),
        ({"num_hidden_layers": 3}, "lack 'layers.2.self_attn.q_proj.weight'"),
        ({"vocab_size": 300}, "the weights do not fit config.json"),
    ],
)
def test_what_is_not_computed_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    folder = published(tmp_path / "model", LLAMA)
    (folder / "config.json").write_text(json.dumps(LLAMA | change))
    with pytest.raises(ConfigError) as error:
        read_network(folder, torch.float32, CPU)
    assert message in str(error.value)


def test_a_folder_without_its_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no config\.json beside the weights"):
        read_network(tmp_path, torch.float32, CPU)
    (tmp_path / "config.json").write_text("[")
    with pytest.raises(ConfigError, match=r"config\.json is damaged"):
        read_network(tmp_path, torch.float32, CPU)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    save_file({"x": np.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(ConfigError, match="the model's files lack 'num_attention_heads'"):
        read_network(tmp_path, torch.float32, CPU)
