"""What a recipe may say about a student, and how it comes to be before it is trained.

Loads no torch until a student is built: a recipe is checked before anything heavy is imported.
"""

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from pydantic import Field, field_validator, model_validator

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.strict import Frozen
from pocketbert.compress.models.families import (
    FAMILIES,
    evenly_spaced,
    family,
    head_counts,
    head_size,
    neuron_counts,
    positions,
    with_layers,
)

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

_OWN = ("teacher-layers", "random", "current")
"""Every other `init` names a pretrained student."""


class Sizes(NamedTuple):
    """Layers, channels of the residual stream, heads of each layer, FFN neurons of each layer."""

    layers: int
    hidden: int
    heads: int
    intermediate: int

    def named(self) -> dict[str, int]:
        """As configurations call them."""
        names = ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size")
        return dict(zip(names, self, strict=True))


_DEFAULTS = {"tinybert": Sizes(4, 312, 12, 1200), "mobilebert": Sizes(24, 512, 4, 512)}
"""TinyBERT4 (Jiao et al. 2020) and MobileBERT (Sun et al. 2020) as published."""


class Student(Frozen):
    """``student = {…}`` of a distillation.

    - `init`: ``teacher-layers`` (the model that the stage is given, cut down), ``random`` (fresh weights), ``current``
      (that model itself, to recover what pruning cost), or the hub id or folder of a pretrained student.
    - `architecture`: the family of the model that the stage is given (``teacher``), the same in TinyBERT's sizes
      (``tinybert``), or MobileBERT, whose layers work inside a bottleneck of a quarter of `hidden` (``mobilebert``).
    - `layers`: how many, evenly spaced (`evenly_spaced`), or a list of layer numbers in ascending order; `hidden`,
      `heads`, `intermediate`: of every layer. What is not given is the architecture's or else the model's own. Of
      ``teacher-layers`` that are not made narrower, every layer keeps its own shape (see
      `pocketbert.compress.pruning.slicing` for the
      others).
    """

    init: str = Field("teacher-layers", min_length=1)
    architecture: Literal["teacher", "tinybert", "mobilebert"] = "teacher"
    layers: int | tuple[int, ...] | None = None
    hidden: int | None = Field(None, ge=1)
    heads: int | None = Field(None, ge=1)
    intermediate: int | None = Field(None, ge=1)

    @field_validator("layers")
    @classmethod
    def _some_layers(cls, layers: int | tuple[int, ...] | None) -> int | tuple[int, ...] | None:
        if isinstance(layers, int) and layers < 1:
            raise ValueError("legal: 1 or more")
        if isinstance(layers, tuple) and (not layers or list(layers) != sorted(set(layers))):
            raise ValueError("legal: a number, or a list of layers in ascending order")
        return layers

    @model_validator(mode="after")
    def _init_fits(self) -> Self:
        sizes = [name for name in Sizes._fields if getattr(self, name) is not None]
        if self.init == "teacher-layers":
            if self.architecture == "mobilebert":
                raise ValueError(
                    'a mobilebert has layers of its own kind; legal: init = "random", a hub id or a folder'
                )
            if not sizes and self.architecture == "teacher":
                raise ValueError(
                    f'give {", ".join(Sizes._fields)} or architecture = "tinybert" with init = {self.init!r}'
                )
        elif self.init == "random":
            if isinstance(self.layers, tuple):
                raise ValueError('a list of layers goes with init = "teacher-layers"; legal with "random": a number')
        elif sizes:
            raise ValueError(f"give no {sizes[0]} with init = {self.init!r}: it has its sizes")
        elif self.init == "current" and self.architecture != "teacher":
            raise ValueError('give no architecture with init = "current": it has its own')
        return self

    @property
    def pretrained(self) -> bool:
        """Whether `init` is a hub id or a folder."""
        return self.init not in _OWN

    @property
    def where(self) -> str:
        """What a complaint about a pretrained student begins with."""
        return f"distill: student.init {self.init!r}"

    @property
    def narrower(self) -> bool:
        """Whether layers taken from the teacher are sliced, rather than keep their shapes."""
        return self.architecture != "teacher" or any((self.hidden, self.heads, self.intermediate))

    def sizes(self, config: "PretrainedConfig") -> Sizes:
        """What is asked for, or else the architecture's or the given model's own."""
        usual = _DEFAULTS.get(self.architecture) or Sizes(
            config.num_hidden_layers, config.hidden_size, config.num_attention_heads, config.intermediate_size
        )
        layers = len(self.layers) if isinstance(self.layers, tuple) else self.layers
        asked = (layers, self.hidden, self.heads, self.intermediate)
        return Sizes(*(number or default for number, default in zip(asked, usual, strict=True)))

    def kept_layers(self, config: "PretrainedConfig") -> list[int]:
        """The layers of the given model that ``teacher-layers`` takes."""
        if isinstance(self.layers, tuple):
            return list(self.layers)
        return evenly_spaced(config.num_hidden_layers, self.sizes(config).layers)

    def check(self, config: "PretrainedConfig") -> None:
        """Raise `BadInput` for what cannot be made beside, or out of, a model of that configuration."""
        if self.pretrained:
            self._check_pretrained()
        elif self.init != "current":
            if self.architecture != "mobilebert":
                family(config)
            _check_shape(self.sizes(config), self.architecture)
            if self.init == "teacher-layers":
                self._check_layers(config)

    def config_after(self, config: "PretrainedConfig") -> "PretrainedConfig":
        """The student's configuration, beside or out of a model of `config`."""
        from pocketbert.compress.models.pretrained import read_config

        if self.pretrained:
            return read_config(self.init, self.where)
        if self.init == "current":
            return config
        if self.init == "random" or self.narrower:
            return _described(self.architecture, config, self.sizes(config), {})
        return with_layers(config, self.kept_layers(config))

    def _check_pretrained(self) -> None:
        from pocketbert.compress.models.pretrained import read_config

        config = read_config(self.init, f"{self.where} is none of {', '.join(_OWN)}, so a hub id or a folder")
        kind = str(config.model_type)
        legal = {"teacher": (*FAMILIES, "mobilebert"), "tinybert": FAMILIES, "mobilebert": ("mobilebert",)}
        if kind.removeprefix("uneven_") not in legal[self.architecture]:
            raise BadInput(f"{self.where} is a {kind} model; legal: {', '.join(legal[self.architecture])}")

    def _check_layers(self, config: "PretrainedConfig") -> None:
        """The given model must have the layers, and these all that is to be kept of them."""
        layers, sizes = self.kept_layers(config), self.sizes(config)
        if layers[0] < 0 or layers[-1] >= config.num_hidden_layers:
            wrong = layers[0] if layers[0] < 0 else layers[-1]
            raise BadInput(
                f"distill: student.layers: there is no layer {wrong}; legal: 0 to {config.num_hidden_layers - 1}"
            )
        if not self.narrower:
            return
        _check_at_most("hidden", sizes.hidden, config.hidden_size, "the model")
        _check_at_most("hidden / student.heads", sizes.hidden // sizes.heads, head_size(config), "a head of the model")
        for layer in layers:
            _check_at_most("heads", sizes.heads, head_counts(config)[layer], f"layer {layer}")
            _check_at_most("intermediate", sizes.intermediate, neuron_counts(config)[layer], f"layer {layer}")
        narrow = getattr(config, "embedding_size", config.hidden_size)
        if narrow != config.hidden_size and narrow == sizes.hidden:
            raise BadInput(
                f"distill: student.hidden is {narrow}, as the embeddings have: their projection would have no place; "
                "legal: any other size"
            )


def _check_shape(sizes: Sizes, architecture: str) -> None:
    """A head has a whole number of channels, and MobileBERT's bottleneck is a quarter."""
    hidden, heads = sizes.hidden, sizes.heads
    if architecture == "mobilebert":
        if hidden % (4 * heads):
            raise BadInput(
                f"distill: student.hidden is {hidden}: a quarter of it does not go into {heads} heads; legal: "
                f"multiples of {4 * heads}"
            )
    elif hidden % heads:
        raise BadInput(f"distill: student.hidden is {hidden}, student.heads {heads}; legal: multiples of {heads}")


def _check_at_most(name: str, asked: int, there: int, where: str) -> None:
    if asked > there:
        raise BadInput(f"distill: student.{name} is {asked}, {where} has {there}; legal: up to {there}")


def build(
    student: Student, model: "PreTrainedModel", labels: list[str], token_level: bool, seed: int
) -> "tuple[PreTrainedModel, PreTrainedTokenizerFast | None]":
    """The student before its training, and its tokenizer; None where that of `model` serves.

    Args:
        model: what the stage is given.
        labels: what a new head predicts, for every token where `token_level`.
        seed: of whatever is random.

    Raises:
        BadInput: as `Student.check`.
    """
    from transformers import set_seed

    from pocketbert.compress.models.pretrained import open_pretrained
    from pocketbert.compress.pruning.slicing import fill
    from pocketbert.compress.pruning.surgery import keep_layers

    student.check(model.config)
    set_seed(seed)
    if student.init == "current":
        return model, None
    if student.pretrained:
        return open_pretrained(student.init, student.where, labels, token_level)
    if student.init == "teacher-layers" and not student.narrower:
        return keep_layers(model, student.kept_layers(model.config)), None
    made = _fresh(student, model.config, labels, token_level)
    if student.init == "teacher-layers":
        fill(made, model, student.kept_layers(model.config))
    return made, None


def own_tokenizer(student: Student) -> "Tokenizer | None":
    """The tokenizer that a pretrained student brings; None where that of the given model serves."""
    from pocketbert.compress.models.pretrained import read_tokenizer

    if not student.pretrained:
        return None
    backend: Tokenizer = read_tokenizer(student.init, student.where).backend_tokenizer
    return backend


def _fresh(student: Student, config: "PretrainedConfig", labels: list[str], token_level: bool) -> "PreTrainedModel":
    """An even student with random weights, over the vocabulary of a model of that `config`."""
    from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

    from pocketbert.compress.models.pretrained import described_labels

    auto = AutoModelForTokenClassification if token_level else AutoModelForSequenceClassification
    sizes = student.sizes(config)
    model: PreTrainedModel = auto.from_config(_described(student.architecture, config, sizes, described_labels(labels)))
    return model.eval()


def _described(
    architecture: str, config: "PretrainedConfig", sizes: Sizes, labels: dict[str, Any]
) -> "PretrainedConfig":
    """An even student of that architecture and those sizes, over the vocabulary of a model of that `config`."""
    return (_mobilebert if architecture == "mobilebert" else _alike)(config, sizes, labels)


def _alike(config: "PretrainedConfig", sizes: Sizes, labels: dict[str, Any]) -> "PretrainedConfig":
    """The same family in other sizes, all layers of one shape."""
    from transformers import AutoConfig

    own = ("model_type", "architectures", "auto_map", "layer_heads", "layer_intermediate")
    described = {key: value for key, value in config.to_dict().items() if key not in own}
    if described.get("embedding_size") == config.hidden_size:  # of an ELECTRA that does not project its embeddings
        described["embedding_size"] = sizes.hidden
    return AutoConfig.for_model(family(config), **(described | sizes.named() | labels))


def _mobilebert(config: "PretrainedConfig", sizes: Sizes, labels: dict[str, Any]) -> "PretrainedConfig":
    """Bottleneck and embeddings are a quarter of the hidden size, as in the paper."""
    from transformers import MobileBertConfig

    kept = {key: getattr(config, key) for key in ("vocab_size", "pad_token_id", "type_vocab_size")}
    return MobileBertConfig(
        **(kept | sizes.named() | labels),
        max_position_embeddings=positions(config),
        embedding_size=sizes.hidden // 4,
        intra_bottleneck_size=sizes.hidden // 4,
    )
