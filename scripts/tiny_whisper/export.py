"""A trained model -> a directory that ``faster_whisper.WhisperModel`` loads, without a network."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from ctranslate2.converters import utils
from ctranslate2.specs import common_spec, whisper_spec
from model import GUIDED_HEADS, Attention, Layer, TinyWhisper
from tokens import LANGUAGES, SPACE, Tokens
from torch import Tensor, nn


def export(model: TinyWhisper, tokens: Tokens, folder: Path, *, quantization: str = "int8") -> None:
    """Write config.json, model.bin, preprocessor_config.json, tokenizer.json and vocabulary.json."""
    spec = _spec(model.eval(), tokens)
    vocabulary = tokens.vocabulary()
    spec.register_vocabulary(vocabulary)
    first_language = tokens.id("<|startoftranscript|>") + 1
    last_layer = model.shape.decoder_layers - 1
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [tokens.id(SPACE), tokens.id("<|endoftext|>")]
    spec.config.lang_ids = list(range(first_language, first_language + len(LANGUAGES)))
    spec.config.alignment_heads = [[last_layer, head] for head in range(GUIDED_HEADS)]
    spec.validate()
    spec.optimize(quantization=quantization)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    spec.save(str(folder))
    compact = json.dumps(vocabulary, ensure_ascii=False, separators=(",", ":"))
    (folder / "vocabulary.json").write_text(compact, encoding="utf-8")
    tokens.save(folder / "tokenizer.json")
    features = {"feature_size": 80, "sampling_rate": 16000, "hop_length": 160, "chunk_length": 30, "n_fft": 400}
    (folder / "preprocessor_config.json").write_text(json.dumps(features), encoding="utf-8")


def _spec(model: TinyWhisper, tokens: Tokens) -> whisper_spec.WhisperSpec:
    shape = model.shape
    spec = whisper_spec.WhisperSpec(shape.encoder_layers, shape.heads, shape.decoder_layers, shape.heads)
    for target, conv in ((spec.encoder.conv1, model.conv1), (spec.encoder.conv2, model.conv2)):
        target.weight, target.bias = _array(conv.weight), _array(conv.bias)
    spec.encoder.position_encodings.encodings = _array(model.encoder_positions)
    _norm(spec.encoder.layer_norm, model.encoder_norm.weight, model.encoder_norm.bias)
    for target, layer in zip(spec.encoder.layer, model.encoder, strict=True):
        _layer(target, layer)
    for target, layer in zip(spec.decoder.layer, model.decoder, strict=True):
        _layer(target, layer)
    _norm(spec.decoder.layer_norm, *model.final_norm())
    spec.decoder.position_encodings.encodings = _array(model.decoder_positions)
    table = _array(model.embeddings())
    table[tokens.n_text - 1] = 0
    table[tokens.n_text - 1, 0] = -20  # the empty string is there to be counted, and must never win
    spec.decoder.embeddings.weight = table
    spec.decoder.projection.weight = table
    return spec


def _layer(target: object, layer: Layer) -> None:
    _attention(target.self_attention, layer.attend_self, itself=True)
    _norm(target.self_attention.layer_norm, layer.norm_self.weight, layer.norm_self.bias)
    if layer.attend_cross is not None:
        _attention(target.attention, layer.attend_cross, itself=False)
        _norm(target.attention.layer_norm, layer.norm_cross.weight, layer.norm_cross.bias)
    _linear(target.ffn.linear_0, layer.forward_in)
    _linear(target.ffn.linear_1, layer.forward_out)
    _norm(target.ffn.layer_norm, layer.norm_forward.weight, layer.norm_forward.bias)


def _attention(target: object, attention: Attention, *, itself: bool) -> None:
    query, key, value = (common_spec.LinearSpec() for _ in range(3))
    _linear(query, attention.query)
    _linear(key, attention.key)
    _linear(value, attention.value)
    if itself:
        utils.fuse_linear(target.linear[0], [query, key, value])
    else:
        utils.fuse_linear(target.linear[0], [query])
        utils.fuse_linear(target.linear[1], [key, value])
    _linear(target.linear[-1], attention.out)


def _linear(target: object, linear: nn.Linear) -> None:
    target.weight = _array(linear.weight)
    if linear.bias is not None:
        target.bias = _array(linear.bias)


def _norm(target: object, weight: Tensor, bias: Tensor) -> None:
    target.gamma, target.beta = _array(weight), _array(bias)


@torch.no_grad()
def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(np.float32)
