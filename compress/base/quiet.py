"""Keeps the libraries' chatter off the terminal; what matters is raised or shown by us."""

import logging
import os
import warnings


def quiet() -> None:
    """Silence progress bars, advice and warnings of the Hugging Face libraries and of torch, in this process."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    warnings.filterwarnings("ignore")
    logging.basicConfig(level=logging.ERROR)  # the first one counts: XNNPACK's partitioner asks for warnings
    logging.getLogger("torch.utils._pytree").setLevel(logging.ERROR)  # torchao registers what it need not
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    logging.getLogger().setLevel(logging.ERROR)  # onnxruntime.quantization gives its advice on the root logger

    import datasets
    import huggingface_hub
    import transformers

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    huggingface_hub.logging.set_verbosity(logging.ERROR)  # or it tells, twice, of every try to reach the hub
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
