"""From symbols to features: the ALBERT encoder that feeds prosody and the encoder that feeds the decoder."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.engines.kokoro.fast_linear import project
from model.engines.kokoro.layers import frame_mask, run_lstm

BERT_SIZE = 768
BERT_HEADS = 12
BERT_LAYERS = 12


class _Embeddings(nn.Module):
    def __init__(self, symbols: int, positions: int, size: int) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(symbols, size)
        self.position_embeddings = nn.Embedding(positions, size)
        self.token_type_embeddings = nn.Embedding(2, size)
        self.LayerNorm = nn.LayerNorm(size, eps=1e-12)

    def forward(self, ids: Tensor) -> Tensor:
        places = self.position_embeddings.weight[: ids.shape[1]]
        return self.LayerNorm(self.word_embeddings(ids) + places + self.token_type_embeddings.weight[0])


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(BERT_SIZE, BERT_SIZE)
        self.key = nn.Linear(BERT_SIZE, BERT_SIZE)
        self.value = nn.Linear(BERT_SIZE, BERT_SIZE)
        self.dense = nn.Linear(BERT_SIZE, BERT_SIZE)
        self.LayerNorm = nn.LayerNorm(BERT_SIZE, eps=1e-12)

    def forward(self, x: Tensor) -> Tensor:
        heads = [
            project(layer, x).unflatten(-1, (BERT_HEADS, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        ]
        attended = F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)
        return self.LayerNorm(x + project(self.dense, attended))


class _AlbertLayer(nn.Module):
    def __init__(self, inner_size: int = 2048) -> None:
        super().__init__()
        self.attention = _Attention()
        self.ffn = nn.Linear(BERT_SIZE, inner_size)
        self.ffn_output = nn.Linear(inner_size, BERT_SIZE)
        self.full_layer_layer_norm = nn.LayerNorm(BERT_SIZE, eps=1e-12)

    def forward(self, x: Tensor) -> Tensor:
        x = self.attention(x)
        return self.full_layer_layer_norm(
            x + project(self.ffn_output, F.gelu(project(self.ffn, x), approximate="tanh"))
        )


class _LayerGroup(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.albert_layers = nn.ModuleList([_AlbertLayer()])


class _Stack(nn.Module):
    def __init__(self, embedding_size: int) -> None:
        super().__init__()
        self.embedding_hidden_mapping_in = nn.Linear(embedding_size, BERT_SIZE)
        self.albert_layer_groups = nn.ModuleList([_LayerGroup()])

    @property
    def layer(self) -> nn.Module:
        """The one layer of the one group."""
        return self.get_submodule("albert_layer_groups.0.albert_layers.0")


class Albert(nn.Module):
    """ALBERT (arXiv:1909.11942): one transformer layer, applied twelve times. One unpadded text a call."""

    def __init__(self, symbols: int, positions: int, embedding_size: int = 128) -> None:
        super().__init__()
        self.embeddings = _Embeddings(symbols, positions, embedding_size)
        self.encoder = _Stack(embedding_size)

    def forward(self, ids: Tensor) -> Tensor:
        """Symbol ids `(1, symbols)` -> `(1, symbols, 768)`."""
        x = self.encoder.embedding_hidden_mapping_in(self.embeddings(ids))
        layer = self.encoder.layer
        for _ in range(BERT_LAYERS):
            x = layer(x)
        return x


class _ChannelNorm(nn.Module):
    """Layer normalisation over the channels of `(batch, channels, frames)`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x.transpose(1, 2), self.gamma.shape, self.gamma, self.beta).transpose(1, 2)


class TextEncoder(nn.Module):
    """Convolutions and an LSTM over the symbols: what is said, for the decoder."""

    def __init__(self, symbols: int, channels: int, *, kernel_size: int = 5, depth: int = 3) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, channels)
        self.cnn = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(channels, channels, kernel_size, padding=kernel_size // 2),
                _ChannelNorm(channels),
                nn.LeakyReLU(0.2),
            )
            for _ in range(depth)
        )
        self.lstm = nn.LSTM(channels, channels // 2, batch_first=True, bidirectional=True)

    def forward(self, ids: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Symbol ids `(batch, symbols)` -> `(batch, channels, symbols)`."""
        x = self.embedding(ids).transpose(1, 2)
        mask = torch.ones(()) if lengths is None else frame_mask(lengths, ids.shape[1])
        for layer in self.cnn:
            x = layer(x * mask)
        return run_lstm(self.lstm, x * mask, lengths)
