"""Whisper's architecture (Radford et al. 2022), small, and cheap to train on a CPU."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from tokens import SPECIALS, TIMESTAMPS
from torch import Tensor, nn

POSITIONS = 1500
"""Encoder frames in Whisper's window of 30 s."""
PADDING = 24
"""Encoder frames that stand for all of the window's silence in training."""
GUIDED_HEADS = 2
"""The first heads of the last decoder layer are taught where each word sounds: the alignment heads."""
_OUTPUT_BIAS = 3.0


@dataclass(frozen=True)
class Shape:
    width: int
    encoder_layers: int
    decoder_layers: int
    feed_forward: int
    heads: int = 4
    dropout: float = 0.05


def sinusoids(length: int, width: int, scale: float = 1.0) -> Tensor:
    increment = math.log(10000) / (width // 2 - 1)
    inverse = torch.exp(-increment * torch.arange(width // 2))
    angles = torch.arange(length)[:, None] * inverse[None]
    return torch.cat([angles.sin(), angles.cos()], 1) * scale


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None, weights: bool) -> tuple[Tensor, Tensor | None]:
        """Also the logarithms of the attention weights, shape (batch, heads, queries, keys), if wanted."""
        batch, length, width = x.shape
        query, key, value = (
            part.view(batch, part.shape[1], self.heads, -1).transpose(1, 2)
            for part in (self.query(x), self.key(memory), self.value(memory))
        )
        if weights:
            scores = query @ key.transpose(2, 3) / math.sqrt(width // self.heads)
            log_weights = (scores if mask is None else scores + mask).log_softmax(-1)
            mixed = log_weights.exp() @ value
        else:
            log_weights = None
            mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width)), log_weights


class Layer(nn.Module):
    def __init__(self, shape: Shape, *, cross: bool) -> None:
        super().__init__()
        self.norm_self = nn.LayerNorm(shape.width)
        self.attend_self = Attention(shape.width, shape.heads)
        self.norm_cross = nn.LayerNorm(shape.width) if cross else None
        self.attend_cross = Attention(shape.width, shape.heads) if cross else None
        self.norm_forward = nn.LayerNorm(shape.width)
        self.forward_in = nn.Linear(shape.width, shape.feed_forward)
        self.forward_out = nn.Linear(shape.feed_forward, shape.width)
        self.drop = nn.Dropout(shape.dropout)

    def forward(
        self, x: Tensor, mask: Tensor | None, memory: Tensor | None, memory_mask: Tensor | None, weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        normed = self.norm_self(x)
        x = x + self.drop(self.attend_self(normed, normed, mask, False)[0])
        log_weights = None
        if self.attend_cross is not None and self.norm_cross is not None and memory is not None:
            attended, log_weights = self.attend_cross(self.norm_cross(x), memory, memory_mask, weights)
            x = x + self.drop(attended)
        x = x + self.drop(self.forward_out(F.gelu(self.forward_in(self.norm_forward(x)))))
        return x, log_weights


class TinyWhisper(nn.Module):
    def __init__(self, shape: Shape, *, n_text: int, n_phones: int) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        self.conv1 = nn.Conv1d(80, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, 2, 1)
        with torch.no_grad():  # let the sound outweigh the positions from the start
            self.conv1.weight *= 2
            self.conv2.weight *= 3
        self.register_buffer("encoder_positions", sinusoids(POSITIONS, width, 0.3))
        self.encoder = nn.ModuleList(Layer(shape, cross=False) for _ in range(shape.encoder_layers))
        self.encoder_norm = nn.LayerNorm(width)
        self.embedding = nn.Parameter(torch.randn(n_text + len(SPECIALS), width) * 0.08)
        # One linear map of sinusoids gives all timestamps, so that those never trained on are right, too.
        self.register_buffer("timestamp_positions", sinusoids(TIMESTAMPS, width))
        self.timestamp = nn.Linear(width, width)
        nn.init.normal_(self.timestamp.weight, std=0.08 / math.sqrt(width / 2))
        nn.init.zeros_(self.timestamp.bias)
        self.decoder_positions = nn.Parameter(torch.randn(448, width) * 0.02)
        self.decoder = nn.ModuleList(Layer(shape, cross=True) for _ in range(shape.decoder_layers))
        self.decoder_norm = nn.LayerNorm(width)
        self.phones = nn.Linear(width, n_phones)  # for training only: what sounds in each encoder frame

    def embeddings(self) -> Tensor:
        """Of all tokens, shape (vocabulary, width)."""
        return torch.cat([self.embedding, self.timestamp(self.timestamp_positions)], 0)

    def final_norm(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of the decoder's last norm. Channel 0 is a constant: thus every token has an output bias."""
        weight, bias = self.decoder_norm.weight, self.decoder_norm.bias
        return (
            torch.cat([weight.new_zeros(1), weight[1:]]),
            torch.cat([bias.new_full((1,), _OUTPUT_BIAS), bias[1:]]),
        )

    def encode(self, mel: Tensor) -> tuple[Tensor, Tensor | None, int]:
        """mel (batch, 80, 2 t), zeros after each content -> frames (batch, t + padding, width), their mask, t.

        Whisper always sees 30 s. The silence after the content is alike in every frame but for its position, so a few
        sampled positions represent it, and their attention scores are raised by the logarithm of how many they stand
        for: 30 s at the price of 4.
        """
        x = self._convolve(mel)
        length = x.shape[1]
        x = x + self.encoder_positions[:length]
        mask = None
        rest = POSITIONS - length
        if rest > 0:
            count = min(PADDING, rest)
            positions = (length + (torch.arange(count) + torch.rand(())) * rest / count).long().clamp(max=POSITIONS - 1)
            silence = self._convolve(mel.new_zeros(1, 80, 16))[0, 4] + self.encoder_positions[positions]
            x = torch.cat([x, silence[None].expand(x.shape[0], -1, -1)], 1)
            mask = x.new_zeros(length + count)
            mask[length:] = math.log(rest / count)
            mask = mask[None, None, None]
        for layer in self.encoder:
            x, _ = layer(x, mask, None, None, False)
        return self.encoder_norm(x), mask, length

    def _convolve(self, mel: Tensor) -> Tensor:
        return F.gelu(self.conv2(F.gelu(self.conv1(mel)))).transpose(1, 2)

    def decode(self, tokens: Tensor, memory: Tensor, memory_mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """tokens (batch, n) -> logits (batch, n, vocabulary), last layer's log attention (batch, heads, n, frames)."""
        length = tokens.shape[1]
        table = self.embeddings()
        x = table[tokens] + self.decoder_positions[:length]
        causal = torch.full((length, length), float("-inf")).triu(1)
        attention = None
        for layer in self.decoder:
            x, attention = layer(x, causal, memory, memory_mask, layer is self.decoder[-1])
        assert attention is not None
        weight, bias = self.final_norm()
        return F.layer_norm(x, (x.shape[-1],), weight, bias) @ table.T, attention
