"""Silences log messages and progress bars of libraries; errors are still raised."""

import logging
import os
import warnings


def quiet() -> None:
    """Silence progress bars, hints and warnings of the Hugging Face libraries and of torch in this process."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    warnings.filterwarnings("ignore")
    logging.basicConfig(level=logging.ERROR)  # only the first call counts; XNNPACK's partitioner would show warnings
    logging.getLogger("torch.utils._pytree").setLevel(logging.ERROR)  # torchao registers types a second time
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    logging.getLogger().setLevel(logging.ERROR)  # onnxruntime.quantization logs hints to the root logger

    import datasets
    import huggingface_hub
    import transformers

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    huggingface_hub.logging.set_verbosity(logging.ERROR)  # or it logs each failed request to the Hub twice
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
