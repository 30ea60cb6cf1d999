from studies.shared.shapes import one_text, student


def test_one_text_of_known_tokens() -> None:
    batch = one_text(16, words=13)
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (1, 16)
    assert batch["input_ids"].min() >= 1 and batch["input_ids"].max() < 13
    assert batch["attention_mask"].all()


def test_no_converter_can_leave_out_a_normalisation_or_a_bias() -> None:
    for name, parameter in student().named_parameters():
        if parameter.ndim == 1:
            assert parameter.std() > 0.001, name
            assert not {0.0, 1.0}.intersection(parameter.tolist()), name
