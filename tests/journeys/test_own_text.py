"""A text of one's own: trained under a name, served under it, trained again as it grows, and there after a restart."""

from pathlib import Path

from tests.service import Service

NAME = "my-diary"
WORDS = ("나는", "오늘", "어제", "친구와", "책을", "점심을", "읽었다", "먹었다", "산책을", "했다")
LINES = [" ".join((WORDS[day % 5], WORDS[(day * 3) % 10], WORDS[(day * 7) % 10])) for day in range(40)]
SMALL = {"model": NAME, "cell": "gru", "units": 16, "epochs": 3}


def test_a_named_text_model_lives_as_the_built_in_ones_do(tmp_path: Path):
    settings = {"store": tmp_path / "store", "starters": tmp_path / "none", "offline": True}
    with Service(**settings) as service:
        first = service.wait(service.train("text", text="\n".join(LINES), **SMALL))
        assert first["result"] == {**first["result"], "model": NAME, "version": 1, "promoted": True}, first
        grown = service.wait(service.train("text", text="\n".join([*LINES, *LINES[:20]]), **SMALL | {"epochs": 6}))
        assert "bits per character" in grown["result"]["reason"], grown
        assert "on the new test data" in grown["result"]["reason"]
        strange = service.wait(
            service.train("text", text="\n".join(f"{line} 새로운 {n}" for n, line in enumerate(LINES)), **SMALL)
        )
        assert strange["result"]["promoted"], strange
        assert "does not know every word" in strange["result"]["reason"]
        compared = service.get(f"/models/{NAME}/compare?versions=1,3")
        assert compared["same_test"] is False
    with Service(**settings) as service:
        answer = service.client.post("/generate", json={"model": NAME, "seed_text": "나는"}).json()
        assert (answer["model"], answer["version"]) == (NAME, 3)
        assert service.get(f"/models/{NAME}")["versions"][0]["hyperparameters"]["cell"] == "gru"
        assert service.client.delete(f"/models/{NAME}").status_code == 204
        assert NAME not in [model["model"] for model in service.get("/models")]
