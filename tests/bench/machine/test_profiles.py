from pathlib import Path

import pytest

from pocketbert.bench.machine import profiles
from pocketbert.bench.machine.profiles import load_profiles
from pocketbert.compress.base.errors import BadInput


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "usable_cores", lambda: [3, 5])


@pytest.mark.usefixtures("two_cores")
def test_a_profile_is_resolved_to_cores_or_skipped_with_the_reason() -> None:
    found = {profile.name: profile for profile in load_profiles()}
    assert found["mobile-1t"].cores == [3]
    assert (found["mobile-2t"].threads, found["mobile-2t"].cores) == (2, [3, 5])
    assert found["mobile-4t"].skipped == "needs 4 cores, this process may use 2"
    assert found["mobile-1t"].lengths == ["128", "mix"]


@pytest.mark.usefixtures("two_cores")
def test_profiles_that_are_the_same_here_are_measured_once() -> None:
    found = {profile.name: profile.same_as for profile in load_profiles()}
    assert found == {"cpu": None, "mobile-1t": None, "mobile-2t": "cpu", "mobile-4t": None}
    assert load_profiles(["mobile-2t"])[0].same_as is None


def test_an_unknown_profile_is_named() -> None:
    with pytest.raises(BadInput, match="unknown profile 'tablet'; allowed: cpu, mobile-1t"):
        load_profiles(["tablet"])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("threads = 0\ncores = 1\nlengths = [128]", r"threads is 0; allowed: an integer from 1"),
        ("threads = 1\ncores = 1\nlengths = ['long']", r"lengths has 'long'; allowed: a number of tokens, or 'mix'"),
        ("threads = 1\nlengths = [128]", r"has the keys threads, lengths; expected: threads, cores, lengths"),
    ],
)
def test_a_wrong_profile_is_refused(tmp_path: Path, entry: str, message: str) -> None:
    path = tmp_path / "profiles.toml"
    path.write_text(f"[odd]\n{entry}\n")
    with pytest.raises(BadInput, match=message):
        load_profiles(path=path)
