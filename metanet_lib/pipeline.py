"""From raw corpus to zoo without the graph, for a chapter that is run on its own.

``make book`` makes the corpus and the zoo before the chapters run. Where a chapter runs alone,
these functions make what is missing, and leave alone what is there.
"""

import json

from metanet_lib import catalog
from metanet_lib.corpora import demo
from metanet_lib.patches import PatchParameters, make_bank, save_bank
from metanet_lib.store import Results
from metanet_lib.workers import side_by_side
from metanet_lib.zoo import Shard, ZooParameters, make_shard


def make_corpus(results: Results) -> None:
    """Write the demo corpus if the run is on it and it is not there."""
    if results.is_demo:
        demo.write(results.corpus_folder)


def make_zoo(results: Results, patches: PatchParameters, zoo: ZooParameters) -> None:
    """Train the models of every dataset whose shard is not there or has other parameters."""
    missing = [d for d in catalog.DATASETS if not _is_made(results, d, patches, zoo)]
    side_by_side(
        _make_dataset, [(results, d, patches, zoo) for d in missing], "model zoo", "dataset"
    )


def _make_dataset(
    results: Results, dataset: catalog.Dataset, patches: PatchParameters, zoo: ZooParameters
) -> None:
    bank = results.folder / "patches" / f"{dataset.slug}.safetensors"
    save_bank(make_bank(results.corpus_folder, dataset.id, patches), bank)
    make_shard(bank, results.shard(dataset.slug), zoo)
    bank.unlink()


def _is_made(
    results: Results, dataset: catalog.Dataset, patches: PatchParameters, zoo: ZooParameters
) -> bool:
    path = results.shard(dataset.slug)
    if not path.is_file():
        return False
    header = Shard.load(path).header
    made_with = json.loads(header["zoo"]), json.loads(json.loads(header["patches"])["parameters"])
    return made_with == (zoo.as_dict(), patches.as_dict())
