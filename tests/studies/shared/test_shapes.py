from studies.shared.shapes import one_text


def test_one_text_of_known_tokens() -> None:
    batch = one_text(16, words=13)
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (1, 16)
    assert batch["input_ids"].min() >= 1 and batch["input_ids"].max() < 13
    assert batch["attention_mask"].all()
