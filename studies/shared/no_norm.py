"""NoNorm (Sun et al. 2020, MobileBERT, section 3.3): a weight and a bias per channel in place of LayerNorm."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from pocketbert.compress.runtimes.torch import TorchSession
from pocketbert.compress.tasks.inputs import Inputs, predict

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class NoNorm(nn.Module):
    """A weight and a bias per channel, without any statistics of the token."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, hidden: Tensor) -> Tensor:
        """Compute (…, channels) from (…, channels)."""
        return hidden * self.weight + self.bias


def without_norms(model: "PreTrainedModel", inputs: Inputs) -> "PreTrainedModel":
    """Replace each LayerNorm of `model` by what it does to an average token of `inputs`; returns the model."""
    norms = {name: module for name, module in model.named_modules() if isinstance(module, nn.LayerNorm)}
    seen: dict[str, list[Tensor]] = {name: [] for name in norms}
    hooks = [norm.register_forward_pre_hook(_Moments(seen[name])) for name, norm in norms.items()]
    predict(TorchSession(model).logits, inputs)
    for hook in hooks:
        hook.remove()
    for name, norm in norms.items():
        mean, scale = torch.cat(seen[name]).mean(0)
        weight = norm.weight.detach() * scale
        model.set_submodule(name, NoNorm(weight, norm.bias.detach() - weight * mean))
    return model


class _Moments:
    """A hook that collects each token's mean and reciprocal deviation, (tokens, 2)."""

    def __init__(self, seen: list[Tensor]) -> None:
        self._seen = seen

    def __call__(self, norm: nn.Module, given: tuple[Tensor]) -> None:
        deviation, mean = torch.std_mean(given[0].detach().flatten(0, -2), -1, correction=0)
        self._seen.append(torch.stack([mean, 1 / deviation], -1))
