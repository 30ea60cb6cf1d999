"""The student of a distillation: its table in a recipe, and its construction before training.

Loads no torch until a student is built: a recipe is checked before anything heavy is imported.
"""

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from pydantic import Field, field_validator, model_validator

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.strict import Frozen
from pocketbert.compress.models import families

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

_OWN = ("teacher-layers", "random", "current")
"""Every other `init` names a pretrained student."""
_MOST_LAYERS = 128


class Sizes(NamedTuple):
    """Numbers of layers, channels of the residual stream, heads and FFN neurons of each layer."""

    layers: int
    hidden: int
    heads: int
    intermediate: int

    def named(self) -> dict[str, int]:
        """Return the sizes under the names that configurations use."""
        names = ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size")
        return dict(zip(names, self, strict=True))


_DEFAULTS = {"tinybert": Sizes(4, 312, 12, 1200), "mobilebert": Sizes(24, 512, 4, 512)}
"""The published sizes of TinyBERT4 (Jiao et al. 2020) and MobileBERT (Sun et al. 2020)."""


class Student(Frozen):
    """``student = {…}`` of a distillation.

    The default sizes are those of the architecture, else those of the model that the stage is given. If no size is
    given, each of the ``teacher-layers`` keeps its own shape; otherwise `pocketbert.compress.pruning.slicing` makes
    them narrower.
    """

    init: str = Field("teacher-layers", min_length=1)
    """Where the weights come from: ``teacher-layers`` (layers of the model before this stage, perhaps narrower),
    ``random`` (new weights), ``current`` (the model before this stage itself, to recover from pruning), or the Hub id
    or folder of a pretrained student."""
    architecture: Literal["teacher", "tinybert", "mobilebert", "static"] = "teacher"
    """``teacher``: the family of the model before this stage. ``tinybert``: that family in TinyBERT's sizes.
    ``mobilebert``: layers with a bottleneck of a quarter of `hidden`. ``static``: no layers, the mean of the token
    embeddings."""
    layers: int | tuple[int, ...] | None = None
    """Number of layers, taken evenly spaced, or a list of layer numbers in ascending order, counted from 0."""
    hidden: int | None = Field(None, ge=1, le=8192)
    """Channels of the vectors between layers."""
    heads: int | None = Field(None, ge=1, le=1024)
    """Attention heads of every layer."""
    intermediate: int | None = Field(None, ge=1, le=32_768)
    """FFN neurons of every layer."""
    activation: Literal["gelu", "relu"] | None = None
    """Activation function in the FFNs; by default that of the model that gives the weights."""

    @field_validator("layers")
    @classmethod
    def _some_layers(cls, layers: int | tuple[int, ...] | None) -> int | tuple[int, ...] | None:
        if isinstance(layers, int) and not 1 <= layers <= _MOST_LAYERS:
            raise ValueError(f"expected 1 to {_MOST_LAYERS}")
        if isinstance(layers, tuple) and (not layers or list(layers) != sorted(set(layers))):
            raise ValueError("expected a number, or a list of layers in ascending order")
        return layers

    @model_validator(mode="after")
    def _init_fits(self) -> Self:
        sizes = [name for name in Sizes._fields if getattr(self, name) is not None]
        if self.architecture == "static":
            self._check_static()
        elif self.init == "teacher-layers":
            if self.architecture == "mobilebert":
                raise ValueError('a mobilebert cannot take these layers; use init = "random", a hub id or a folder')
            if not sizes and self.architecture == "teacher":
                raise ValueError(
                    "no size given; add layers = 4 (optionally hidden, heads, intermediate), or "
                    'architecture = "tinybert"'
                )
        elif self.init == "random":
            if isinstance(self.layers, tuple):
                raise ValueError('layers is a list, which needs init = "teacher-layers"; with "random" use a number')
        elif sizes:
            raise ValueError(f"init = {self.init!r} has its own sizes; remove {sizes[0]}")
        elif self.init == "current" and self.architecture != "teacher":
            raise ValueError('init = "current" has its own architecture; remove architecture')
        return self

    def _check_static(self) -> None:
        if self.init not in ("teacher-layers", "random"):
            raise ValueError(f'init = {self.init!r} is no static model; use "teacher-layers" or "random"')
        if unused := [key for key in ("layers", "heads", "intermediate", "activation") if getattr(self, key)]:
            raise ValueError(f"a static student has no layers; remove {unused[0]}")
        if self.hidden and self.init == "teacher-layers":
            raise ValueError('the model\'s embeddings have their own width; remove hidden, or use init = "random"')

    @property
    def pretrained(self) -> bool:
        """Whether `init` is a hub id or a folder."""
        return self.init not in _OWN

    @property
    def where(self) -> str:
        """The beginning of an error message about a pretrained student."""
        return f"distill: student.init {self.init!r}"

    @property
    def narrower(self) -> bool:
        """Whether the layers taken from the given model become narrower."""
        return self.architecture != "teacher" or any((self.hidden, self.heads, self.intermediate))

    def sizes(self, config: "PretrainedConfig") -> Sizes:
        """Return the sizes of the student; `config` is the given model's."""
        if self.architecture == "static":
            return Sizes(0, self.hidden or getattr(config, "embedding_size", config.hidden_size), 0, 0)
        usual = _DEFAULTS.get(self.architecture) or Sizes(
            config.num_hidden_layers, config.hidden_size, config.num_attention_heads, config.intermediate_size
        )
        layers = len(self.layers) if isinstance(self.layers, tuple) else self.layers
        given = (layers, self.hidden, self.heads, self.intermediate)
        return Sizes(*(number or default for number, default in zip(given, usual, strict=True)))

    def kept_layers(self, config: "PretrainedConfig") -> list[int]:
        """Return the layers of the given model that ``teacher-layers`` takes."""
        if isinstance(self.layers, tuple):
            return list(self.layers)
        return families.evenly_spaced(config.num_hidden_layers, self.sizes(config).layers)

    def check(self, config: "PretrainedConfig") -> None:
        """Check that the student can be made, given a model of that configuration.

        Raises:
            BadInput: it cannot; the message names the key.
        """
        if self.pretrained:
            self._check_pretrained()
        elif self.init != "current" and self.architecture != "static":
            if self.architecture != "mobilebert":
                families.family(config)
            _check_shape(self.sizes(config), self.architecture)
            if self.init == "teacher-layers":
                self._check_layers(config)

    def config_after(self, config: "PretrainedConfig") -> "PretrainedConfig":
        """Return the student's configuration, given a model of `config`."""
        from pocketbert.compress.models.pretrained import read_config

        if self.pretrained:
            return read_config(self.init, self.where)
        if self.init == "current":
            return config
        if self.init == "random" or self.narrower:
            return _described(self, config, {})
        return families.with_layers(config, self.kept_layers(config))

    def _check_pretrained(self) -> None:
        from pocketbert.compress.models.pretrained import read_config

        config = read_config(self.init, f"{self.where} is none of {', '.join(_OWN)}, so a hub id or a folder")
        kind = str(config.model_type)
        mobilebert, bert = ("mobilebert",), families.FAMILIES
        of = {"teacher": (*bert, *mobilebert), "tinybert": bert, "mobilebert": mobilebert}
        if kind.removeprefix("uneven_") not in (allowed := of[self.architecture]):
            raise BadInput(f"{self.where} is a {kind} model; allowed: {', '.join(allowed)}")

    def _check_layers(self, config: "PretrainedConfig") -> None:
        """Check that the given model has these layers, each at least as wide as the student's."""
        layers, sizes = self.kept_layers(config), self.sizes(config)
        if layers[0] < 0 or layers[-1] >= config.num_hidden_layers:
            wrong = layers[0] if layers[0] < 0 else layers[-1]
            raise BadInput(
                f"distill: student.layers: the model has no layer {wrong}; allowed: 0 to {config.num_hidden_layers - 1}"
            )
        if not self.narrower:
            return
        _check_at_most("hidden", sizes.hidden, config.hidden_size, "the model")
        _check_at_most(
            "hidden / student.heads", sizes.hidden // sizes.heads, families.head_size(config), "a head of the model"
        )
        for layer in layers:
            _check_at_most("heads", sizes.heads, families.head_counts(config)[layer], f"layer {layer}")
            _check_at_most("intermediate", sizes.intermediate, families.neuron_counts(config)[layer], f"layer {layer}")
        narrow = getattr(config, "embedding_size", config.hidden_size)
        if narrow != config.hidden_size and narrow == sizes.hidden:
            raise BadInput(
                f"distill: student.hidden is {narrow}, the width of the embeddings: a student of this width "
                "has no projection after them; use another size"
            )


def _check_shape(sizes: Sizes, architecture: str) -> None:
    """Check that a head has a whole number of channels; in MobileBERT the heads share a quarter of `hidden`."""
    factor, share = (4 * sizes.heads, "a quarter of ") if architecture == "mobilebert" else (sizes.heads, "")
    if sizes.hidden % factor:
        raise BadInput(
            f"distill: student.hidden is {sizes.hidden}, and {share}it does not divide into {sizes.heads} heads; "
            f"allowed: multiples of {factor}"
        )


def _check_at_most(name: str, wanted: int, most: int, where: str) -> None:
    if wanted > most:
        raise BadInput(f"distill: student.{name} is {wanted}, {where} has {most}; allowed: up to {most}")


def build(
    student: Student,
    model: "PreTrainedModel",
    labels: list[str],
    token_level: bool,
    seed: int,
    separator: int | None = None,
) -> "tuple[PreTrainedModel, PreTrainedTokenizerFast | None]":
    """Build the student, not yet trained, and its tokenizer; None if it uses the tokenizer of `model`.

    Args:
        model: the model that the stage is given.
        labels: the labels of a new head.
        token_level: whether the head predicts a label for every token.
        seed: the seed of random weights.
        separator: of pairs, the id of the token after the first text, which a static student reads.

    Raises:
        BadInput: as `Student.check`.
    """
    from transformers import set_seed

    from pocketbert.compress.models.pretrained import open_pretrained

    student.check(model.config)
    set_seed(seed)
    if student.pretrained:
        made, tokenizer = open_pretrained(student.init, student.where, labels, token_level)
    else:
        made, tokenizer = _built(student, model, labels, token_level, separator), None
    if student.activation:
        activate(made, student.activation)
    return made, tokenizer


def _built(
    student: Student, model: "PreTrainedModel", labels: list[str], token_level: bool, separator: int | None
) -> "PreTrainedModel":
    from pocketbert.compress.models.pretrained import described_labels
    from pocketbert.compress.pruning.slicing import fill_from_wide
    from pocketbert.compress.pruning.surgery import keep_layers

    if student.init == "current":
        return model
    if student.init == "teacher-layers" and not student.narrower:
        return keep_layers(model, student.kept_layers(model.config))
    described = described_labels(labels) | ({"sep_token_id": separator} if student.architecture == "static" else {})
    made = _fresh(student, model.config, described, token_level)
    if student.init == "random":
        return made
    if student.architecture == "static":
        words, given = made.get_input_embeddings(), model.get_input_embeddings()
        words.load_state_dict(given.state_dict())
    else:
        fill_from_wide(made, model, student.kept_layers(model.config))
    return made


def activate(model: "PreTrainedModel", activation: str) -> None:
    """Give all FFNs of `model` this activation function."""
    from transformers.activations import ACT2FN

    model.config.hidden_act = activation
    for module in model.modules():
        if hasattr(module, "intermediate_act_fn"):
            module.intermediate_act_fn = ACT2FN[activation]


def own_tokenizer(student: Student) -> "Tokenizer | None":
    """Return the tokenizer of a pretrained student; None if the student uses the given model's."""
    from pocketbert.compress.models.pretrained import read_tokenizer

    if not student.pretrained:
        return None
    backend: Tokenizer = read_tokenizer(student.init, student.where).backend_tokenizer
    return backend


def _fresh(
    student: Student, config: "PretrainedConfig", described: dict[str, Any], token_level: bool
) -> "PreTrainedModel":
    """A student with random weights."""
    from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

    auto = AutoModelForTokenClassification if token_level else AutoModelForSequenceClassification
    model: PreTrainedModel = auto.from_config(_described(student, config, described))
    return model.eval()


def _described(student: Student, config: "PretrainedConfig", more: dict[str, Any]) -> "PretrainedConfig":
    """The configuration of a student with the vocabulary of `config`; all its layers have one shape."""
    make = {"mobilebert": _mobilebert, "static": _static}.get(student.architecture, _same_family)
    return make(config, student.sizes(config), more)


def _static(config: "PretrainedConfig", sizes: Sizes, more: dict[str, Any]) -> "PretrainedConfig":
    """It looks up no positions: `max_position_embeddings` only keeps the longest text of the given model."""
    from pocketbert.compress.models.modeling_static import StaticConfig

    kept = {key: getattr(config, key) for key in ("vocab_size", "pad_token_id")}
    longest = families.positions(config)
    return StaticConfig(hidden_size=sizes.hidden, max_position_embeddings=longest, **(kept | more))


def _same_family(config: "PretrainedConfig", sizes: Sizes, more: dict[str, Any]) -> "PretrainedConfig":
    from transformers import AutoConfig

    own = ("model_type", "architectures", "auto_map", "layer_heads", "layer_intermediate")
    described = {key: value for key, value in config.to_dict().items() if key not in own}
    if described.get("embedding_size") == config.hidden_size:  # an ELECTRA without a projection of its embeddings
        described["embedding_size"] = sizes.hidden
    return AutoConfig.for_model(families.family(config), **(described | sizes.named() | more))


def _mobilebert(config: "PretrainedConfig", sizes: Sizes, more: dict[str, Any]) -> "PretrainedConfig":
    """Bottleneck and embeddings are a quarter of the hidden size, as in the paper."""
    from transformers import MobileBertConfig

    kept = {key: getattr(config, key) for key in ("vocab_size", "pad_token_id", "type_vocab_size")}
    return MobileBertConfig(
        **(kept | sizes.named() | more),
        max_position_embeddings=families.positions(config),
        embedding_size=sizes.hidden // 4,
        intra_bottleneck_size=sizes.hidden // 4,
    )
