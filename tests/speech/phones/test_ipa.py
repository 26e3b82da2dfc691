"""The phonetic alphabet: its sounds by how they are made, and words that are written in it."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.speech.phones.ipa import FEATURES, SILENCE, closes_lips, describe, is_vowel, parse_ipa

# As espeak-ng writes them: German, Spanish, Arabic.
SENTENCES = {
    "de": "dˈeːɾ_ k_ˈuː_x_ə_n_ ʃ_m_ˈɛ_k_t_ ʃ_ˈøː_n_ ˈɪ_ç",
    "es": "b_w_ˈe_n_o_s_ ð_ˈi_a_s_ n_ˈi_ɲ_o_ r_ˈo_x_o",
    "ar": "m_ˈa_r_ħ_a_b_a_ː_ s_ˤ_a_b_ˈaː_ħ_ ʔ_a_l_χ_ˈajr_ ʕ_a_j_n",
}


def symbols(text: str) -> list[str]:
    return [phone.symbol for phone in parse_ipa(text).phones]


@pytest.mark.parametrize("language", SENTENCES)
def test_sentences_of_other_languages_are_data(language):
    found = parse_ipa(SENTENCES[language])
    assert found.unknown == []
    assert all(describe(phone.symbol).shape == (len(FEATURES),) for phone in found.phones)


def test_sounds_that_are_made_alike_are_described_alike():
    for one, other, far in (("p", "b", "k"), ("ɸ", "f", "k"), ("y", "u", "a"), ("ç", "ʃ", "m")):
        near, apart = (float(np.abs(describe(one) - describe(each)).sum()) for each in (other, far))
        assert near < apart
    assert not np.array_equal(describe("iː"), describe("i"))
    assert describe(SILENCE)[FEATURES.index("silence")] == 1


def test_an_unknown_symbol_is_told():
    assert parse_ipa("b☃a").unknown == ["☃"]
    with pytest.raises(KeyError):
        describe("☃")


def test_a_diphthong_is_two_sounds_and_as_long_as_a_vowel():
    phones = parse_ipa("aɪ").phones
    assert [phone.symbol for phone in phones] == ["a", "ɪ"]
    assert sum(phone.weight for phone in phones) == pytest.approx(parse_ipa("a").phones[0].weight)
    assert phones[0].weight > phones[1].weight
    assert symbols("a ɪ") == symbols("a_ɪ") == ["a", "ɪ"]
    assert parse_ipa("a_ɪ").phones[1].weight == parse_ipa("a").phones[0].weight


def test_stress_holds_for_the_next_vowel():
    assert [(phone.symbol, phone.stress) for phone in parse_ipa("ɐˈɡɛn").phones] == [
        ("ɐ", 0.0),
        ("ɡ", 0.0),
        ("ɛ", 1.0),
        ("n", 0.0),
    ]
    assert parse_ipa("ˌa").phones[0].stress == 0.5


def test_lips_close_for_plosives_and_nasals_of_both_lips():
    assert all(map(closes_lips, "pbm"))
    assert not any(map(closes_lips, "fvwnta"))
    assert is_vowel("ɔː")
    assert not is_vowel(SILENCE)
