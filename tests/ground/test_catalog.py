from collections import Counter

import pytest

from metanet_lib import catalog


def test_there_are_20_photograph_10_city_and_11_instrument_datasets():
    assert Counter(d.corpus for d in catalog.DATASETS) == {
        "voc": 20,
        "urbansound8k": 10,
        "irmas": 11,
    }


def test_twenty_datasets_train_ten_from_photographs_and_five_from_each_sound_corpus():
    trains = [d for d in catalog.DATASETS if d.role == "trains"]
    assert Counter(d.corpus for d in trains) == {"voc": 10, "urbansound8k": 5, "irmas": 5}
    assert tuple(d.id for d in trains) == catalog.TRAINING_IDS


def test_ids_are_distinct_and_made_as_in_the_paper():
    assert len({d.id for d in catalog.DATASETS}) == 41
    names = {"v:aer": "aeroplane", "a:air": "air_conditioner", "a:cel": "cel"}
    assert {i: catalog.dataset(i).name for i in names} == names


def test_slugs_have_no_character_that_a_file_name_may_not():
    assert catalog.dataset("v:aer").slug == "v-aer"
    assert all(d.slug.replace("-", "").isalpha() for d in catalog.DATASETS)


def test_an_unknown_id_is_refused_with_the_list_of_those_there_are():
    with pytest.raises(ValueError, match=r"'v:xyz'; the 41 datasets are v:aer, .*a:voi"):
        catalog.dataset("v:xyz")


def test_modalities_follow_the_ids():
    assert catalog.modalities(["a:cel", "v:cat"]) == ["audio", "vision"]
