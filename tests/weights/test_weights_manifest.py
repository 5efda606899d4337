from pathlib import Path

import pytest

from voiceagent.weights import WeightsError, load_manifest
from voiceagent.weights import manifest as module
from voiceagent.weights.manifest import HubSource, WheelSource, manifest_path

GOOD = """
format = 1
[models.tiny]
role = "asr"
engine = "moonshine"
licence = "MIT"
[[models.tiny.files]]
name = "model.bin"
size = 12
sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
sources = [{ kind = "huggingface", repo = "a/b", revision = "main", path = "model.bin" }]
"""


def load(folder: Path, text: str):
    path = folder / "manifest.toml"
    path.write_text(text, encoding="utf-8")
    return load_manifest(path)


def test_the_embedded_default_covers_a_whole_conversation_but_the_voice_that_ships_in_its_package():
    models = [load_manifest().model(name) for name in load_manifest().defaults()]
    assert sorted(model.role for model in models) == ["asr", "llm", "turn", "vad"]


def test_every_embedded_file_is_pinned_by_size_and_hash_and_comes_out_of_a_wheel():
    for name in load_manifest().defaults():
        for file in load_manifest().model(name).files:
            assert file.exact
            assert file.sha256
            assert isinstance(file.sources[0], WheelSource)


def test_only_three_files_have_no_hash_and_only_two_no_commit():
    models = load_manifest().models.values()
    files = [(model.name, file) for model in models for file in model.files]
    assert [name for name, file in files if file.sha256 is None] == [
        "nemotron-3-nano-30b-a3b-q8_0",
        "nemotron-3-nano-4b-q8_0",
        "magpie-tts-multilingual-v2512",
    ]
    revisions = [source.revision for _, file in files for source in file.sources if isinstance(source, HubSource)]
    assert [revision for revision in revisions if len(revision) != 40] == ["main", "v2512"]


def test_a_manifest_is_read_into_plain_data(tmp_path):
    model = load(tmp_path, GOOD).model("tiny")
    assert (model.role, model.engine, model.licence, model.default, model.size) == (
        "asr",
        "moonshine",
        "MIT",
        False,
        12,
    )
    assert model.file("model.bin").sources == (HubSource(repo="a/b", revision="main", path="model.bin"),)


def test_a_file_may_have_an_approximate_size_and_an_unknown_hash(tmp_path):
    text = GOOD.replace("size = 12", "size = 12\nexact = false").replace("a" * 64, "unknown")
    file = load(tmp_path, text).model("tiny").files[0]
    assert (file.size, file.exact, file.sha256) == (12, False, None)


def test_a_wheel_may_name_a_platform(tmp_path):
    wheel = 'kind = "wheel", package = "p", version = "1", member = "m", platform = "macosx_11_0_arm64"'
    text = GOOD.replace('kind = "huggingface", repo = "a/b", revision = "main", path = "model.bin"', wheel)
    assert load(tmp_path, text).model("tiny").files[0].sources == (
        WheelSource(package="p", version="1", member="m", platform="macosx_11_0_arm64"),
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("format = 1", "format = 2", "key 'format' must be 1"),
        ("format = 1", "", "key 'format' must be 1"),
        ("format = 1", "format = 1\nmodel = 3", "model: unknown key: did you mean 'models'?"),
        ("format = 1", "format = ", "Invalid value"),
        ("[models.tiny]", '[models."../tiny"]\nx=1\n[models.tiny]', "models > ../tiny: must be of letters, digits"),
        ('role = "asr"', 'role = "ears"', "models > tiny > role: must be 'asr', 'llm', "),
        ('role = "asr"', 'rolle = "asr"', "models > tiny: key 'role' is missing"),
        ('engine = "moonshine"', 'engine = ""', "engine: must be a text"),
        ('engine = "moonshine"', "engine = 7", "engine: must be a text, not 7"),
        ('licence = "MIT"', 'licence = "MIT"\ndefault = 1', "default: must be true or false, not 1"),
        ('licence = "MIT"', 'licence = "MIT"\nlicense = "MIT"', "license: unknown key: did you mean 'licence'?"),
        ("size = 12", "size = 0", "models > tiny > files > model.bin > size: must be above zero"),
        ("size = 12", 'size = "12"', "model.bin > size: must be a whole number, not '12'"),
        ("size = 12", "size = true", "size: must be a whole number, not True"),
        ("size = 12", "", "model.bin: key 'size' is missing"),
        ('sha256 = "aa', 'sha256 = "AA', "sha256: must be 64 hexadecimal digits in lower case, or 'unknown', not 'AA"),
        ('name = "model.bin"', 'name = "../x"', "files > ../x > name: must be of letters"),
        ('kind = "huggingface"', 'kind = "ftp"', "sources > 0: must be 'huggingface', 'wheel', not {'kind': 'ftp'"),
        ('kind = "huggingface", ', "", "model.bin > sources > 0: key 'kind' is missing"),
        ('revision = "main", ', "", "model.bin > sources > 0: key 'revision' is missing"),
        ('repo = "a/b"', 'repo = "a/b", branch = "x"', "sources > 0 > branch: unknown key"),
        (GOOD[GOOD.index("[{") :], "[]", "model.bin > sources: must be a list of one or more, not []"),
        (GOOD[GOOD.index("[{") :], "[7]", "model.bin > sources > 0: must be a table, not 7"),
        ("[[models.tiny.files]]", "[models.tiny.files]", "models > tiny > files: must be a list of tables"),
        (GOOD[GOOD.index("[models") :], "models = 7", "models: must be a table, not 7"),
        (GOOD[GOOD.index("[[models") :], "files = []", "models > tiny > files: must be a list of one or more"),
        (GOOD[GOOD.index("[[models") :], "files = [7]", "models > tiny > files > 0: must be a table, not 7"),
    ],
)
def test_a_mistake_is_refused_with_its_place(tmp_path, old, new, said):
    assert old in GOOD
    with pytest.raises(WeightsError) as refused:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert said in str(refused.value)
    assert str(tmp_path / "manifest.toml") in str(refused.value)


def test_two_files_of_one_name_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="models > tiny: needs files each with its own name"):
        load(tmp_path, GOOD + GOOD[GOOD.index("[[models") :])


def test_a_name_that_is_not_there_gets_a_hint():
    manifest = load_manifest()
    with pytest.raises(WeightsError, match=r"did you mean 'silero-vad-6.2'\?"):
        manifest.model("silero-vad")
    with pytest.raises(WeightsError, match="there is moonshine-tiny-en, "):
        manifest.model("zzz")
    with pytest.raises(WeightsError, match=r"no file 'silero.onnx': did you mean 'silero_vad.onnx'\?"):
        manifest.model("silero-vad-6.2").file("silero.onnx")


def test_the_manifest_inside_the_package_comes_before_the_one_of_the_checkout(tmp_path, monkeypatch):
    assert manifest_path() == module.REPOSITORY / "weights" / "manifest.toml"
    packaged = tmp_path / "manifest.toml"
    packaged.write_text(GOOD, encoding="utf-8")
    monkeypatch.setattr(module.resources, "files", lambda package: tmp_path)
    assert manifest_path() == packaged


def test_an_installation_without_a_manifest_is_said_to_be_broken(tmp_path, monkeypatch):
    monkeypatch.setattr(module.resources, "files", lambda package: tmp_path)
    monkeypatch.setattr(module, "REPOSITORY", tmp_path)
    with pytest.raises(WeightsError, match="install voiceagent again"):
        load_manifest()


def test_a_manifest_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "manifest.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(WeightsError, match="cannot read"):
        load_manifest(tmp_path / "manifest.toml")
