"""SyncNet: the network of the published weights."""

import torch

from lipsync_cli.models.syncnet import EMBEDDING_SIZE, MFCC_STEPS, NUM_MFCC, PICTURE_SIZE, SyncNet


def test_parts_and_parameters_are_those_of_the_published_file() -> None:
    network = SyncNet()
    state = network.state_dict()
    assert sum(p.numel() for p in network.parameters()) == 13_631_616
    assert state["netcnnlip.0.weight"].shape == (96, 3, 5, 7, 7)
    assert state["netcnnlip.18.weight"].shape == (512, 256, 1, 6, 6)
    assert state["netcnnaud.18.weight"].shape == (512, 256, 5, 4)
    assert {name.split(".")[1] for name in state if name.startswith("netcnnaud")} == {
        "0",
        "1",
        "4",
        "5",
        "8",
        "9",
        "11",
        "12",
        "14",
        "15",
        "18",
        "19",
    }
    assert {name.split(".")[1] for name in state if name.startswith("netcnnlip")} == {
        "0",
        "1",
        "4",
        "5",
        "8",
        "9",
        "11",
        "12",
        "14",
        "15",
        "18",
        "19",
    }
    assert state["netfcaud.3.weight"].shape == state["netfclip.3.weight"].shape == (EMBEDDING_SIZE, 512)


def test_embeddings_of_windows() -> None:
    torch.manual_seed(0)
    network = SyncNet().eval()
    with torch.inference_mode():
        faces = network.embed_faces(255 * torch.rand(1, 3, 5, PICTURE_SIZE, PICTURE_SIZE))
        speech = network.embed_speech(torch.randn(2, 1, NUM_MFCC, MFCC_STEPS))
    assert faces.shape == (1, EMBEDDING_SIZE)
    assert speech.shape == (2, EMBEDDING_SIZE)
    assert not torch.equal(speech[0], speech[1])
